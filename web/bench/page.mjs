// What the wall costs a viewer: Chromium on one core, on a server with cars that send. SLIPSTREAM_BIN is the program.
//   node web/bench/page.mjs [--json FILE] [--seconds 60] [--cars 24] [--hz 60] [--heap-minutes 0]
// Frames, scripting and the way from a datagram to a pixel are measured in the page; the limit is an empty page on the same core.
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { startServer } from '../test/server.mjs';

const short = process.env.SLIPSTREAM_BENCH_SHORT === '1';
const { values: asked } = parseArgs({ options: {
  json: { type: 'string' }, against: { type: 'string' }, seconds: { type: 'string', default: short ? '3' : '60' }, cars: { type: 'string', default: '24' },
  hz: { type: 'string', default: '60' }, 'heap-minutes': { type: 'string', default: '0' },
} });
const seconds = Number(asked.seconds);
const LAP_S = 90;

/** Sends `cars` at `hz`; the first one's `probe` turns over every half second, and when it did is remembered. */
function startCars(port, cars, hz) {
  const socket = dgram.createSocket('udp4');
  const begun = performance.now();
  const turned = [];
  let probe = 0;
  let frame = 0;
  const timer = setInterval(() => {
    // Timers of 16.7 ms are late now and then: what is due is sent together.
    for (; frame < ((performance.now() - begun) * hz) / 1000; frame++) {
      if (frame % Math.round(hz / 2) === 0) {
        probe = 1 - probe;
        turned.push({ value: probe, at: Date.now() });
      }
      for (let car = 0; car < cars; car++) {
        const t = frame / hz + car * 2;
        const share = (t % LAP_S) / LAP_S;
        const wave = Math.sin(share * 40 + car);
        socket.send(JSON.stringify({
          meta_time: Date.now(), track: 'bench', chassis: `car ${car + 1}`, lap: 1 + Math.floor(t / LAP_S), lapdist_m: Number((share * 5000).toFixed(1)),
          speed_kmh: Number((180 + 90 * wave).toFixed(2)), throttle: wave > 0 ? 1 : 0, brake: wave < -0.5 ? 0.8 : 0, gear: 4 + Math.round(3 * wave), rpm: 9000 + Math.round(2000 * wave),
          accx_can: Number(wave.toFixed(3)), accy_can: Number((2 * wave).toFixed(3)), steer: Number((0.3 * wave).toFixed(3)), fuel_kg: 40, tyre_temp_fl_c: 90, tyre_temp_fr_c: 91,
          tyre_temp_rl_c: 92, tyre_temp_rr_c: 93, x_m: Math.round(800 * Math.cos(6.283 * share)), z_m: Math.round(500 * Math.sin(6.283 * share)), seq: frame, ...(car === 0 ? { probe } : {}),
        }), port, '127.0.0.1');
      }
    }
  }, 4);
  return { turned, stop: () => (clearInterval(timer), socket.close()) };
}

/** In the page: times of frames, and when the probe's line was seen to have turned over at the right edge of its chart. */
function watch() {
  window.frames_ = [];
  window.seen = [];
  let last;
  const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const look = (now) => {
    window.frames_.push(now);
    // Behind all that is drawn in this frame, whoever asked for it first.
    setTimeout(read, 0);
    requestAnimationFrame(look);
  };
  const read = () => {
    const canvas = [...document.querySelectorAll('[data-testid=trace] canvas')].at(-1);
    if (canvas && window.probing) {
      Object.assign(copy.canvas, { width: 10, height: canvas.height });
      const right = canvas.width - Math.round(14 * devicePixelRatio);
      copy.clearRect(0, 0, 10, canvas.height);
      copy.drawImage(canvas, right - 10, 0, 10, canvas.height, 0, 0, 10, canvas.height);
      const { data } = copy.getImageData(6, 0, 4, canvas.height);
      // The line has a colour, the grid has none. Above the middle it is 1; of both the one further to the right counts.
      let value;
      for (let x = 3; x >= 0 && value === undefined; x--) {
        for (let y = 0; y < canvas.height; y++) {
          const at = (y * 4 + x) * 4;
          if (data[at + 3] > 120 && Math.abs(data[at] - data[at + 2]) > 70) { value = y < canvas.height * 0.4 ? 1 : 0; break; }
        }
      }
      if (value !== undefined && value !== last) window.seen.push({ value, at: performance.timeOrigin + performance.now() });
      if (value !== undefined) last = value;
    }
  };
  requestAnimationFrame(look);
}

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
const steps = (frames) => frames.slice(1).map((at, n) => at - frames[n]);

async function measured(page, session, run) {
  const read = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
  await page.evaluate(() => (window.frames_.length = 0));
  const before = await read();
  await run();
  const after = await read();
  const gone = after.Timestamp - before.Timestamp;
  const took = steps(await page.evaluate(() => window.frames_));
  return {
    fps_median: 1000 / quantile(took, 0.5), frame_p99_ms: quantile(took, 0.99), frame_max_ms: Math.max(...took),
    scripting: (after.ScriptDuration - before.ScriptDuration) / gone, tasks: (after.TaskDuration - before.TaskDuration) / gone,
  };
}

/** A process with all that it started. */
function family(pid) {
  const children = new Map();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended by now.
    }
  }
  const all = [pid];
  for (let at = 0; at < all.length; at++) all.push(...(children.get(all[at]) ?? []));
  return all;
}

function holdToOneCore(pid) {
  for (const each of family(pid)) spawnSync('taskset', ['-a', '-p', '-c', '0', String(each)], { stdio: 'ignore' });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const server = await startServer({});
const chromiumServer = await chromium.launchServer({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'], timeout: 60_000 });
const browser = await chromium.connect(chromiumServer.wsEndpoint());
let cars;
try {
  const { sources } = await server.health();
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, bypassCSP: true });
  await page.addInitScript(watch);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  await page.goto(`http://127.0.0.1:${server.port}/healthz`);
  holdToOneCore(chromiumServer.process().pid);
  const empty = await measured(page, session, () => sleep(Math.min(seconds, 5) * 1000));
  cars = startCars(sources.udp.port, Number(asked.cars), Number(asked.hz));
  await sleep(1500);
  await page.goto(`http://127.0.0.1:${server.port}/#/live?cars=car%201,car%202&channels=speed_kmh,throttle,brake,gear,accy_can`);
  await sleep(short ? 2000 : 8000);
  const wall = await measured(page, session, () => sleep(seconds * 1000));

  await page.goto(`http://127.0.0.1:${server.port}/#/live?cars=car%201&channels=speed_kmh,probe&by=time&span=10`);
  await sleep(3000);
  await page.evaluate(() => ((window.probing = true), (window.seen.length = 0)));
  const probedFrom = Date.now();
  await sleep(seconds * 500);
  const seen = await page.evaluate(() => window.seen);
  // Where it rises a mark appears at the top at once; where it falls the rise before is still beside it for a point.
  const ways = cars.turned.filter(({ value, at }) => value === 1 && at > probedFrom + 500 && at < Date.now() - 1000).map(({ value, at }) => {
    const found = seen.find((each) => each.value === value && each.at >= at && each.at < at + 480);
    return found ? found.at - at : undefined;
  });
  const known = ways.filter((way) => way !== undefined);

  let heap;
  if (Number(asked['heap-minutes']) > 0) {
    await page.goto(`http://127.0.0.1:${server.port}/#/live?cars=car%201,car%202`);
    const used = async () => {
      await session.send('HeapProfiler.collectGarbage');
      return (await session.send('Runtime.getHeapUsage')).usedSize;
    };
    // What is kept of the last minutes fills first, and is as large as it gets then.
    await sleep(180_000);
    const before = await used();
    await sleep(Number(asked['heap-minutes']) * 60_000);
    heap = { before, after: await used() };
    heap.growth = heap.after / heap.before - 1;
  }
  const result = {
    cars: Number(asked.cars), hz: Number(asked.hz), seconds, empty, wall, frames_of_limit: wall.fps_median / empty.fps_median,
    packet_to_pixel_ms: known.length === 0 ? null : { p50: quantile(known, 0.5), p99: quantile(known, 0.99), measured: known.length, not_seen: ways.length - known.length }, heap,
  };
  console.log(`${result.cars} cars at ${result.hz} Hz, Chromium on one core, ${seconds} s`);
  console.log(`  frames: ${wall.fps_median.toFixed(1)} a second at the median (an empty page ${empty.fps_median.toFixed(1)}), p99 ${wall.frame_p99_ms.toFixed(1)} ms, longest ${wall.frame_max_ms.toFixed(1)} ms`);
  console.log(`  scripting ${(100 * wall.scripting).toFixed(1)} % of the time, all tasks ${(100 * wall.tasks).toFixed(1)} %`);
  if (result.packet_to_pixel_ms) console.log(`  datagram to pixel: p50 ${result.packet_to_pixel_ms.p50.toFixed(0)} ms, p99 ${result.packet_to_pixel_ms.p99.toFixed(0)} ms of ${known.length}; ${ways.length - known.length} not seen within 480 ms`);
  if (heap) console.log(`  heap ${(heap.before / 1e6).toFixed(1)} MB, ${asked['heap-minutes']} min later ${(heap.after / 1e6).toFixed(1)} MB: ${(100 * heap.growth).toFixed(2)} %`);
  if (asked.json) await writeFile(asked.json, JSON.stringify(result));
} finally {
  cars?.stop();
  await browser.close();
  await chromiumServer.close();
  await server.stop();
}
