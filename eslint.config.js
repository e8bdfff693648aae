// What ESLint looks for: mistakes. How the code looks is Prettier's affair.
import js from "@eslint/js";
import globals from "globals";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
    { ignores: [".cache/", "dist/", "prebuilds/", "build/", "test/windows/scenarios/programs/*.js"] },
    js.configs.recommended,
    {
        languageOptions: { globals: globals.nodeBuiltin },
        rules: { "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" }] },
    },
    { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs", globals: globals.node } },
    {
        files: ["**/*.ts"],
        extends: [typescript.configs.strictTypeChecked],
        languageOptions: { parserOptions: { project: ["./tsconfig.json", "./test/tsconfig.json"] } },
        rules: {
            // Numbers and flags in messages are what they look like.
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/no-unused-vars": [
                "error",
                { argsIgnorePattern: "^_", varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" },
            ],
            // What a signal was aborted with, or a peer failed with, is passed on as it is.
            "@typescript-eslint/prefer-promise-reject-errors": "off",
            "@typescript-eslint/no-invalid-void-type": "off",
            // Callers without TypeScript give what the types exclude, and what an await has changed meanwhile is not
            // known to the compiler.
            "@typescript-eslint/no-unnecessary-condition": "off",
            "@typescript-eslint/no-unnecessary-type-conversion": "off",
            // With noUncheckedIndexedAccess, `bytes[at]!` is how an index says that it has been checked.
            "@typescript-eslint/no-non-null-assertion": "off",
            // Records by name are how registry keys and environments are described.
            "@typescript-eslint/no-dynamic-delete": "off",
            // A cast of an instance's interface back to its class.
            "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
            // What gives a promise is async, so that misuse rejects and does not throw.
            "@typescript-eslint/require-await": "off",
            // Control characters are what several patterns are there to find.
            "no-control-regex": "off",
        },
    },
    {
        files: ["test/**/*.ts"],
        rules: {
            // Tests take answers of peers apart, which may be anything: what is not as expected fails there.
            "@typescript-eslint/no-unsafe-assignment": "off",
            "@typescript-eslint/no-unsafe-member-access": "off",
            "@typescript-eslint/no-unsafe-argument": "off",
            "@typescript-eslint/no-unsafe-call": "off",
            // Helpers hand out closures.
            "@typescript-eslint/unbound-method": "off",
        },
    },
    {
        files: ["test/types/*.ts"],
        rules: {
            // What is there is there for its type, and never run.
            "@typescript-eslint/no-unused-vars": "off",
            "@typescript-eslint/no-unnecessary-type-parameters": "off",
            "@typescript-eslint/no-meaningless-void-operator": "off",
            "@typescript-eslint/ban-ts-comment": "off",
        },
    },
);
