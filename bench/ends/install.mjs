// Installs the provider where this runs.
import { install } from "winsock-spi";

await install();
