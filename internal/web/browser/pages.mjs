// Looks at every page in both themes and three widths: no violation of WCAG 2.2 AA that axe finds, no
// sideways scrolling, no word cut or torn apart, few requests and little weight, nothing that the policy of content forbids. Keeps
// a screenshot of each.
import { open, watch, signIn, look, tell } from './browser.mjs';

const { base, name, password, pages, empty, doors, shots, widths, schemes } = JSON.parse(process.env.PLUMB_TASK);
const browser = await open();

// torn lists the buttons and badges of which a word stands in two lines.
function torn() {
  const out = [];
  for (const el of document.querySelectorAll('button, .button, .badge, time')) {
    const walk = document.createTreeWalker(el, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      if (node.parentElement.closest('.only-read') || !node.parentElement.checkVisibility()) continue;
      for (const word of node.data.matchAll(/[^\s/-]+/g)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
        if (tops.size > 1) out.push(`${el.localName}: ${word[0]}`);
      }
    }
  }
  return out.slice(0, 5);
}

// cut lists the choices whose chosen word does not fit although there is room for it beside them: what is shown of it is cut off.
function cut() {
  const out = [];
  for (const el of document.querySelectorAll('select')) {
    if (!el.checkVisibility() || el.multiple) continue;
    const whole = el.cloneNode(false);
    whole.append(new Option(el.selectedOptions[0]?.text ?? ''));
    whole.removeAttribute('id');
    whole.style.cssText = 'position: absolute; visibility: hidden; width: max-content; min-width: 0';
    el.after(whole);
    const room = el.closest('form, .card, main').clientWidth;
    if (whole.offsetWidth > el.offsetWidth + 1 && whole.offsetWidth < room - 40) out.push(`${el.name}: ${el.selectedOptions[0].text}`);
    whole.remove();
  }
  return out;
}

for (const scheme of schemes) {
  const context = await browser.newContext({ viewport: { width: widths[widths.length - 1], height: 900 }, colorScheme: scheme, reducedMotion: 'reduce' });
  const page = await context.newPage();
  watch(page, (u) => u.startsWith(base) || u.startsWith(empty), (text) => /status of (401|403|404)/.test(text));
  for (const p of doors) await visit(page, empty, p);
  await signIn(page, base, name, password);
  for (const p of pages) await visit(page, base, p);
  await context.close();

  async function visit(page, base, { path, status = 200 }) {
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
      for (const what of await page.evaluate(torn)) tell('problem', { what: `a word is torn apart in a window of ${width}`, detail: what, at: path });
      for (const what of await page.evaluate(cut)) tell('problem', { what: `a choice is cut off in a window of ${width}`, detail: what, at: path });
      if (shots) await page.screenshot({ path: `${shots}/${path.replace(/^\//, '').replace(/[^A-Za-z0-9]+/g, '-') || 'home'}-${width}-${scheme}.png`, fullPage: true });
    }
    await client.detach();
  }
}
await browser.close();
tell('done', {});
