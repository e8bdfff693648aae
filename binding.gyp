# For people who rebuild the addon on Windows with node-gyp (npx node-gyp rebuild, in the package's folder); the provider
# is built along with it. What is published comes from CMakeLists.txt, which builds these and everything else; both read
# native/sources.json.
{
    "target_defaults": {
        "include_dirs": ["native"],
        "defines": [
            "UNICODE", "_UNICODE", "NOMINMAX", "WIN32_LEAN_AND_MEAN", "_WIN32_WINNT=0x0A00", "WINVER=0x0A00"
        ],
        "msvs_settings": {
            "VCCLCompilerTool": {
                "AdditionalOptions": ["/std:c++20", "/permissive-", "/utf-8", "/Zc:__cplusplus"],
                "WarningLevel": 4,
                "WarnAsError": "true",
                "RuntimeLibrary": 0
            },
            "VCLinkerTool": {
                "AdditionalOptions": ["/DYNAMICBASE", "/NXCOMPAT"]
            }
        }
    },
    "conditions": [
        ["OS=='win'", {
            "targets": [
                {
                    "target_name": "winsock_spi",
                    "sources": [
                        "<!@(node -p \"require('./native/sources.json').core.join(' ')\")",
                        "<!@(node -p \"require('./native/sources.json').spi.join(' ')\")",
                        "<!@(node -p \"require('./native/sources.json').addon.join(' ')\")"
                    ],
                    "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
                    "defines": [
                        "NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
                    ],
                    "libraries": ["-ladvapi32.lib", "-lbcrypt.lib", "-lntdll.lib", "-lole32.lib", "-lshell32.lib", "-luser32.lib"],
                    "msvs_settings": {
                        "VCCLCompilerTool": {
                            "AdditionalOptions": ["/sdl", "/guard:cf"],
                            "ExceptionHandling": 1
                        },
                        "VCLinkerTool": {
                            "AdditionalOptions": ["/guard:cf"]
                        }
                    }
                },
                {
                    "target_name": "winsock_spi_lsp",
                    "product_extension": "dll",
                    "win_delay_load_hook": "false",
                    "sources": [
                        "<!@(node -p \"require('./native/sources.json').core_lsp.join(' ')\")",
                        "<!@(node -p \"require('./native/sources.json').spi_lsp.join(' ')\")",
                        "<!@(node -p \"require('./native/sources.json').lsp.join(' ')\")"
                    ],
                    "defines": [
                        "WINSOCK_SPI_FREESTANDING", "_HAS_EXCEPTIONS=0",
                        "WINSOCK_SPI_VERSION_MAJOR=<!(node -p \"require('./package.json').version.split(/[.+-]/)[0]\")",
                        "WINSOCK_SPI_VERSION_MINOR=<!(node -p \"require('./package.json').version.split(/[.+-]/)[1]\")",
                        "WINSOCK_SPI_VERSION_PATCH=<!(node -p \"require('./package.json').version.split(/[.+-]/)[2]\")"
                    ],
                    "libraries": ["-lntdll.lib"],
                    "msvs_settings": {
                        "VCCLCompilerTool": {
                            "AdditionalOptions": ["/GR-", "/Zc:threadSafeInit-", "/guard:cf-", "/Zl"],
                            "BufferSecurityCheck": "false",
                            "ExceptionHandling": 0,
                            "WholeProgramOptimization": "false"
                        },
                        "VCLinkerTool": {
                            "EntryPointSymbol": "DllMain",
                            "IgnoreAllDefaultLibraries": "true",
                            "ModuleDefinitionFile": "native/lsp/winsock_spi_lsp.def"
                        }
                    }
                }
            ]
        }, {
            "targets": [
                # Nothing to build elsewhere; the library still loads there and says so when called.
                { "target_name": "winsock_spi", "type": "none" }
            ]
        }]
    ]
}
