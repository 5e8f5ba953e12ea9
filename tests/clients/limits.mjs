// How long a script and its waits may take: far longer than they do, because machines that run tests are busy.

/** Of one wait, in ms. */
export const PATIENCE = 120_000;

/** Ends the process unless it ends by itself within 20 minutes. */
export function limitTime() {
  setTimeout(() => {
    console.error('out of time');
    process.exit(1);
  }, 1_200_000).unref();
}

/** A promise, and what fulfils it: a response that is held until the test has seen the page without it. */
export function resolvers() {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
}

/** Waits until it is so. */
export async function until(isSo) {
  for (const ends = Date.now() + PATIENCE; !(await isSo()); ) {
    if (Date.now() > ends) {
      throw new Error(`out of time: ${isSo}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
