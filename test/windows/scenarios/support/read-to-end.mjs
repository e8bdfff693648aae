// What a connection brings to its end, without destroying it as an iteration would: it is still to be answered.
export function readToEnd(socket) {
    return new Promise((resolve, reject) => {
        let text = "";
        socket
            .setEncoding("utf8")
            .on("data", (chunk) => (text += chunk))
            .on("end", () => resolve(text))
            .on("error", reject);
    });
}
