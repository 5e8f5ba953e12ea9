// A small Node.js service: each route returns the row of one prepared statement, without authentication, mapping, logging
// or traces. It is the minimum cost of reading and sending the row.
//
// Argument: JSON { database, connections, reads: [{ route, sql, values }] }. The address of a contact in `values` is replaced
// by the requested one. Prints its port when it listens.

import Fastify from "fastify";
import pg from "pg";

const { database, connections, reads } = JSON.parse(process.argv[2]);
const pool = new pg.Pool({ connectionString: database, max: connections });
const fastify = Fastify();

for (const { route, sql, values } of reads) {
  fastify.get(route, async (request, reply) => {
    const chat = `${request.params.chat.split("@")[0]}@c.us`;
    const parameters = values.map((value) => (value?.endsWith("@c.us") ? chat : value));
    const { rows } = await pool.query({ name: route, text: sql, values: parameters });
    return rows.length === 1 ? rows[0] : reply.code(404).send({});
  });
}

await fastify.listen({ host: "127.0.0.1", port: 0 });
console.log(fastify.server.address().port);
