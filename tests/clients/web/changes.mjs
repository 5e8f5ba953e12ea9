// How the inbox reloads changed chats: in batches, with retries. The test controls the clock.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = join(dirname(fileURLToPath(import.meta.url)), '../../../assets/inbox/src/model/changes.ts');
const { outputFiles } = await build({ entryPoints: [source], bundle: true, format: 'esm', write: false });
const { Changes } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
mock.timers.enable({ apis: ['setTimeout'] });

await theFirstChangeIsReadAtOnce();
await aBurstIsReadTogether();
await whatGoesOnIsReadTwiceASecond();
await manyChatsAreOneList();
await whatFailsIsReadLater();
await whatCannotSucceedIsLeftAlone();
console.log('ok');

async function theFirstChangeIsReadAtOnce() {
  const { changes, reads } = start();
  changes.received('asha');
  assert.deepEqual(reads, ['asha']);
}

async function aBurstIsReadTogether() {
  const { changes, reads } = start();
  for (let change = 0; change < 100; change += 1) {
    changes.received('asha');
    changes.received('bela');
  }
  assert.deepEqual(reads, ['asha']);
  await pass(1000);
  assert.deepEqual(reads, ['asha', 'bela', 'asha']);
  await pass(60_000);
  assert.equal(reads.length, 3);
}

async function whatGoesOnIsReadTwiceASecond() {
  const { changes, reads } = start();
  for (let change = 0; change < 100; change += 1) {
    changes.received('asha');
    await pass(100);
  }
  assert.ok(reads.length <= 21, `${reads.length} reads in 10 seconds`);
}

async function manyChatsAreOneList() {
  const { changes, reads } = start();
  for (let chat = 0; chat < 100; chat += 1) {
    changes.received(`chat ${chat}`);
  }
  await pass(60_000);
  assert.deepEqual(reads, ['chat 0', 'all']);
}

async function whatFailsIsReadLater() {
  const { changes, reads, failures } = start(['unavailable', 'unavailable']);
  changes.received('asha');
  changes.missed();
  await pass(60_000);
  assert.deepEqual(reads, ['asha', 'all', 'all']);
  assert.equal(failures.length, 2);
}

async function whatCannotSucceedIsLeftAlone() {
  const { changes, reads } = start(['final']);
  changes.received('asha');
  await pass(60_000);
  assert.deepEqual(reads, ['asha']);
}

/** The first reads fail in these ways. */
function start(failing = []) {
  const [reads, failures] = [[], []];
  const read = async (what) => {
    reads.push(what);
    if (failing.length > 0) {
      throw failing.shift();
    }
  };
  const failed = (error) => failures.push(error) > 0 && error !== 'final';
  return { changes: new Changes({ one: read, all: () => read('all'), failed }), reads, failures };
}

async function pass(milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 100) {
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(100);
  }
  await new Promise((resolve) => setImmediate(resolve));
}
