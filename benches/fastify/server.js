// A small Node.js service, as many would write it: each route answers with the row of one prepared statement. No caller
// is checked, nothing is mapped, logged or traced: it is what reading and sending the row costs at least.
//
// Its one argument is JSON: { database, connections, reads: [{ route, sql, values }] }. In a statement's values, the
// address of a person stands for the one that is asked for. Prints its port when it listens.

import Fastify from "fastify";
import pg from "pg";

const { database, connections, reads } = JSON.parse(process.argv[2]);
const pool = new pg.Pool({ connectionString: database, max: connections });
const fastify = Fastify();

for (const { route, sql, values } of reads) {
  fastify.get(route, async (request, reply) => {
    const person = `${request.params.person.split("@")[0]}@c.us`;
    const own = values.map((value) => (value?.endsWith("@c.us") ? person : value));
    const { rows } = await pool.query({ name: route, text: sql, values: own });
    return rows.length === 1 ? rows[0] : reply.code(404).send({});
  });
}

await fastify.listen({ host: "127.0.0.1", port: 0 });
console.log(fastify.server.address().port);
