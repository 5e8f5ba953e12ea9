// What a page costs: elements, memory, processor time, and how long its frames take.

/** How many times as long the tests' service and a busy machine may take; 1 measures an idle machine and an optimized service. */
export const HEADROOM = Number(process.env.HEADROOM ?? 4);

/** A frame that follows the one before it after this time, in ms, is late: at 60 frames/s the next one is due after 16.7 ms. */
const LATE_MS = 25;

export class Meter {
  static async of(page) {
    const session = await page.context().newCDPSession(page);
    // Processor time of the page's main thread, which other programs do not use up.
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    return new Meter(page, session);
  }

  constructor(page, session) {
    this.page = page;
    this.session = session;
  }

  /** What the page keeps after a collection of garbage: bytes of its objects, and elements, detached ones included. */
  async kept() {
    for (let times = 0; times < 3; times += 1) {
      await this.session.send('HeapProfiler.collectGarbage');
    }
    const { usedSize } = await this.session.send('Runtime.getHeapUsage');
    const { Nodes, JSEventListeners } = await this.metrics();
    return { bytes: usedSize, nodes: Nodes, listeners: JSEventListeners };
  }

  /** Runs something, and returns what the frames meanwhile took. */
  async frames(run) {
    await this.page.evaluate(record);
    const before = await this.metrics();
    await run();
    const after = await this.metrics();
    const { times, scripts, elements } = await this.page.evaluate(() => window.recorder.end());
    const ms = (name) => ((after[name] - before[name]) * 1000) / times.length;
    return {
      count: times.length,
      late: times.filter((time) => time > LATE_MS).length / times.length,
      slowest: Math.max(...times),
      /** Processor time of one frame in ms: all of it, and what the page's own script, its styles and its layout take. */
      processor: ms('TaskDuration'),
      own: ms('ScriptDuration') + ms('LayoutDuration') + ms('RecalcStyleDuration'),
      /** The longest run of the page's own script in ms, of those in frames of more than 50 ms. */
      longestScript: Math.max(0, ...scripts),
      elements,
    };
  }

  async metrics() {
    const { metrics } = await this.session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }
}

/** Records frames until `window.recorder.end()`, in the page. */
function record() {
  const [times, scripts] = [[], []];
  let [last, frame, elements] = [performance.now(), 0, 0];
  const all = document.getElementsByTagName('*');
  const next = (now) => {
    times.push(now - last);
    last = now;
    elements = Math.max(elements, all.length);
    frame = requestAnimationFrame(next);
  };
  frame = requestAnimationFrame(next);
  const take = (entries) => {
    const own = entries.flatMap((entry) => entry.scripts).filter(({ sourceURL }) => sourceURL.endsWith('/inbox.js'));
    scripts.push(...own.map(({ duration }) => duration));
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type: 'long-animation-frame' });
  window.recorder = {
    end() {
      cancelAnimationFrame(frame);
      take(observer.takeRecords());
      observer.disconnect();
      return { times: times.slice(1), scripts, elements };
    },
  };
}
