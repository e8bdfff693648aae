// A CommonJS program in TypeScript: require() of ES modules, which every supported Node can do.
import winsock = require("winsock-spi");

export const failed = new winsock.WinsockError("text", { code: "ERR_X" }).code.toUpperCase();
export const catalog: Promise<winsock.LiveCatalog> = winsock.readCatalog();
