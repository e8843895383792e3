// What every browser test begins with: one Chromium, one person signed in, and eyes for what must never
// happen: a script error, a broken policy of content, a request to another host.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(process.env.PLUMB_BROWSER + '/');
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

// told is what the Go test reads: one JSON object a line.
export function tell(kind, data) {
  console.log(JSON.stringify({ kind, ...data }));
}

export async function open() {
  return chromium.launch({
    executablePath: process.env.PLUMB_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}

// watch notes what goes wrong on a page, whatever the test is about.
export function watch(page, base, expected = () => false) {
  const ours = typeof base === 'function' ? base : (u) => u.startsWith(base);
  page.on('pageerror', (e) => tell('problem', { what: 'script error', detail: e.message, at: page.url() }));
  page.on('dialog', (d) => { tell('problem', { what: 'a dialog opened', detail: d.message(), at: page.url() }); d.dismiss(); });
  page.on('console', (m) => {
    if (m.type() === 'error' && !expected(m.text())) tell('problem', { what: 'console error', detail: m.text(), at: page.url() });
  });
  page.on('request', (r) => {
    if (!ours(r.url()) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) tell('problem', { what: 'a request to another host', detail: r.url(), at: page.url() });
  });
}

export async function signIn(page, base, name, password) {
  await page.goto(base + '/login');
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((u) => !u.pathname.startsWith('/login'));
}

// look runs axe over the page as it stands.
export async function look(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const r = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.map((v) => ({ id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ': ' + (n.any[0] || n.all[0] || n.none[0] || {}).message) }));
  });
}

// visitor opens a window of somebody's own.
export async function visitor(browser, base) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  watch(page, base, (text) => /status of (4\d\d)/.test(text));
  return page;
}

// step says what was done, and ends the journey where it was not.
export function must(yes, what) {
  tell('step', { what });
  if (!yes) throw new Error(what);
}
