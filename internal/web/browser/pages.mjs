// Looks at every page in both themes and three widths: no violation of WCAG 2.2 AA that axe finds, no
// sideways scrolling, few requests and little weight, nothing that the policy of content forbids. Keeps
// a screenshot of each.
import { open, watch, signIn, look, tell } from './browser.mjs';

const { base, name, password, pages, shots, widths, schemes } = JSON.parse(process.env.PLUMB_TASK);
const browser = await open();

for (const scheme of schemes) {
  const context = await browser.newContext({ viewport: { width: widths[widths.length - 1], height: 900 }, colorScheme: scheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  watch(page, base, (text) => /status of (401|403|404)/.test(text));
  await page.goto(base + '/login');
  await visit(page, { path: '/login', open: true });
  await signIn(page, base, name, password);
  for (const p of pages) await visit(page, p);
  await context.close();

  async function visit(page, { path, status = 200 }) {
    let weight = 0, requests = 0;
    const client = await context.newCDPSession(page);
    await client.send('Network.enable');
    await client.send('Network.setCacheDisabled', { cacheDisabled: true });
    client.on('Network.loadingFinished', (e) => { weight += e.encodedDataLength; });
    client.on('Network.requestWillBeSent', (e) => { if (!e.request.url.startsWith('data:') && !e.request.url.endsWith('/live')) requests++; });
    const answer = await page.goto(base + path, { waitUntil: 'load' });
    await page.waitForTimeout(50);
    if (answer.status() !== status) tell('problem', { what: `answered ${answer.status()}, want ${status}`, at: path });
    tell('weight', { path, scheme, bytes: weight, requests });
    for (const v of await look(page)) tell('problem', { what: `axe: ${v.id}: ${v.help}`, detail: v.nodes.join(' | '), at: `${path} (${scheme})` });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 1) tell('problem', { what: `${over} px wider than a window of ${width}`, at: path });
      if (shots) await page.screenshot({ path: `${shots}/${path.replace(/^\//, '').replace(/[^A-Za-z0-9]+/g, '-') || 'home'}-${width}-${scheme}.png`, fullPage: true });
    }
    await client.detach();
  }
}
await browser.close();
tell('done', {});
