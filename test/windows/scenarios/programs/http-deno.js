// deno run -A http-deno.js FOLDER: an HTTP server for the files of a folder, until its standard input ends.
const folder = Deno.args[0];
Deno.serve(
    {
        port: 0,
        hostname: "127.0.0.1",
        onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
    },
    async (request) => new Response(await Deno.readFile(`${folder}/${new URL(request.url).pathname.slice(1)}`)),
);
for await (const _ of Deno.stdin.readable);
Deno.exit(0);
