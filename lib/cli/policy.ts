// winsock-spi policy ...: the commands about interception policies, one file each.

import type { Command } from "commander";
import { addPolicyCheck } from "./policy-check.js";
import { addPolicyExplain } from "./policy-explain.js";
import { addPolicyExport, addPolicyImport } from "./policy-import.js";

export function addPolicyCommand(program: Command): void {
    const group = program.command("policy").description("rules that decide what programs' Winsock calls do");
    addPolicyCheck(group);
    addPolicyExplain(group);
    addPolicyImport(group);
    addPolicyExport(group);
}
