// node scripts/release/sign.mjs: Authenticode signatures, with time stamps, for every Windows program in prebuilds/. The
// certificate is a PFX file in WINDOWS_CERTIFICATE (base64), its password in WINDOWS_CERTIFICATE_PASSWORD. Without one it
// says so and signs nothing.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";
import { binaries, machines } from "./prebuilds.mjs";

const timeStamps = "http://timestamp.digicert.com";

const { WINDOWS_CERTIFICATE: certificate, WINDOWS_CERTIFICATE_PASSWORD: password = "" } = process.env;
if (!certificate) {
    console.log(
        "::warning title=Not signed::There is no secret WINDOWS_CERTIFICATE: nothing is signed. Smart App Control and " +
            "WDAC block unsigned DLLs.",
    );
} else {
    await signAll();
}

async function signAll() {
    const folder = mkdtempSync(path.join(os.tmpdir(), "winsock-spi-"));
    const pfx = path.join(folder, "certificate.pfx");
    const files = Object.keys(machines).flatMap((name) =>
        binaries.map((file) => path.join(project, "prebuilds", name, file)),
    );
    const tool = signtool();
    try {
        writeFileSync(pfx, Buffer.from(certificate, "base64"), { mode: 0o600 });
        const how = ["/fd", "SHA256", "/tr", timeStamps, "/td", "SHA256", "/d", "winsock-spi"];
        await must(tool, ["sign", ...how, "/f", pfx, "/p", password, ...files]);
        await must(tool, ["verify", "/pa", "/tw", ...files]);
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** Not processes.run: its error would print the command line, and with it the password. */
async function must(file, args) {
    const { code, output } = await attempt(file, args);
    console.log(output.trim());
    if (code !== 0) {
        throw new Error(`signtool ${args[0]}: exit code ${code}`);
    }
}

/** signtool.exe of the newest Windows SDK. */
function signtool() {
    const kits = path.join(process.env["ProgramFiles(x86)"] ?? "", "Windows Kits", "10", "bin");
    const newest = readdirSync(kits)
        .filter((name) => /^10\./.test(name) && existsSync(path.join(kits, name, "x64", "signtool.exe")))
        .sort((one, other) => one.localeCompare(other, "en", { numeric: true }))
        .at(-1);
    if (newest === undefined) {
        throw new Error(`There is no signtool.exe in ${kits}.`);
    }
    return path.join(kits, newest, "x64", "signtool.exe");
}
