// Transport: a named pipe.

import { WinsockError } from "../../errors.js";
import type { Transport } from "./channel.js";

const missing = (): never => {
    throw new WinsockError("the named pipe transport is not there yet", { code: "ERR_UNSUPPORTED_PLATFORM" });
};

export const pipe: Transport = { name: "pipe", listen: missing, connect: missing };
