// Chromium, and in its pages a client by the browser's own WebSocket, whose messages are awaited one by one.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import { LIMIT_MS } from './client.mjs';

export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: LIMIT_MS,
  });
}

/** What a page gets as window.dial. */
function addDial() {
  window.dial = async (url) => {
    const messages = [];
    const waiting = new Set();
    const ws = new WebSocket(url);
    ws.onmessage = ({ data }) => {
      messages.push(JSON.parse(data)); // a Blob would not parse
      [...waiting].forEach((look) => look());
    };
    const closed = new Promise((resolve) => (ws.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })));
    if (!(await new Promise((resolve) => ([ws.onopen, ws.onerror] = [() => resolve(true), () => resolve(false)])))) {
      return { refused: await closed };
    }
    const next = (want) =>
      new Promise((resolve) => {
        if (typeof want === 'string') {
          const type = want;
          want = (m) => m.type === type;
        }
        const look = () => {
          const at = messages.findIndex(want);
          if (at < 0) return;
          waiting.delete(look);
          resolve(messages.splice(at, 1)[0]);
        };
        waiting.add(look);
        look();
      });
    const say = (message) => ws.send(typeof message === 'string' ? message : JSON.stringify(message));
    const ask = (message, type) => (say(message), next(type));
    return { ws, messages, next, say, ask, closed };
  };
}

export async function openPage(browser, address) {
  const page = await browser.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  await page.addInitScript(addDial);
  await page.goto(address);
  return page;
}

/** Another site: a page, and /hold, whose answer comes on release() and stops a page that waits for it. */
export async function startSite() {
  let held = null;
  let isHeld;
  const holds = () => new Promise((resolve) => (isHeld = resolve));
  const site = createServer((request, response) => {
    if (request.url !== '/hold') return response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>pits</title>');
    held = response;
    isHeld?.();
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return {
    origin: `http://127.0.0.1:${site.address().port}`,
    /** Resolves once a page is held from then on. */
    holds,
    release: () => held.end(),
    stop: () => (site.closeAllConnections(), site.close()),
  };
}
