// A line to the service that can be cut, and mended.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** `url` leads to where `service` does, unless the line is cut. */
export async function openLine(service) {
  const { hostname, port } = new URL(service);
  const sockets = new Set();
  let isCut = false;
  const keep = (socket) => {
    sockets.add(socket);
    // A failure ends the process.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((caller) => {
    keep(caller);
    if (isCut) {
      caller.destroy();
      return;
    }
    const callee = connect(Number(port), hostname);
    keep(callee);
    caller.on('close', () => callee.destroy());
    callee.on('close', () => caller.destroy());
    caller.pipe(callee).pipe(caller);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      isCut = true;
      sockets.forEach((socket) => socket.destroy());
    },
    mend() {
      isCut = false;
    },
  };
}
