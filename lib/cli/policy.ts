// winsock-spi policy ...: the commands about interception policies, one file each.

import type { Command } from "commander";
import { addPolicyApplyCommand } from "./policy-apply.js";
import { addPolicyCheck } from "./policy-check.js";
import { addPolicyClearCommand } from "./policy-clear.js";
import { addPolicyControllerCommand } from "./policy-controller.js";
import { addPolicyExplain } from "./policy-explain.js";
import { addPolicyExport, addPolicyImport } from "./policy-import.js";
import { addPolicyShowCommand } from "./policy-show.js";

export function addPolicyCommand(program: Command): void {
    const group = program.command("policy").description("rules that decide what programs' Winsock calls do");
    addPolicyCheck(group);
    addPolicyExplain(group);
    addPolicyApplyCommand(group);
    addPolicyShowCommand(group);
    addPolicyClearCommand(group);
    addPolicyControllerCommand(group);
    addPolicyImport(group);
    addPolicyExport(group);
}
