// Puts a policy of 1,000 rules that are about nothing measured in force, or takes it back: long-policy.mjs apply|clear
import { applyPolicy, clearPolicy, parsePolicy } from "winsock-spi";
import { longPolicy } from "../other-rules.mjs";

await (process.argv[2] === "apply" ? applyPolicy(parsePolicy(longPolicy())) : clearPolicy());
