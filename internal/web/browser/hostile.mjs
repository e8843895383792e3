// Opens every page that shows texts of people, on a server full of texts that want to run, hide or break
// out, and pokes at each as a mouse and a keyboard would: no dialog, no script of theirs, no request to
// another host, nothing that the policy of content had to stop. Then breaks that policy on purpose, which
// shows that the browser reports it and that the server counts it.
import { open, watch, signIn, tell } from './browser.mjs';

const { base, password, visits } = JSON.parse(process.env.PLUMB_TASK);
const browser = await open();
let looked = 0;

// poke looks for what must not be there, and sets off whatever waits for an event.
function poke() {
  const out = [];
  for (const el of document.querySelectorAll('*')) {
    for (const a of el.attributes) {
      if (/^on/.test(a.name) || (/^(href|src|action|formaction|srcdoc)$/.test(a.name) && /^\s*(javascript|data:text)/i.test(a.value))) out.push(`<${el.localName} ${a.name}=${a.value}>`);
      if (/^(data-)?hx-(get|post|put|delete)$/.test(a.name) && !a.value.startsWith('/')) out.push(`<${el.localName} ${a.name}=${a.value}>`);
    }
    if (['iframe', 'object', 'embed', 'base', 'style', 'img'].includes(el.localName)) out.push(`<${el.localName}>`);
    for (const kind of ['mouseover', 'mouseenter', 'focus', 'pointerdown', 'error', 'load', 'toggle', 'animationstart']) {
      if (el.namespaceURI === 'http://www.w3.org/1999/xhtml' && el.localName !== 'form') el.dispatchEvent(new Event(kind));
    }
  }
  for (const s of document.scripts) if (!new URL(s.src || 'about:blank').pathname.startsWith('/assets/')) out.push('a script: ' + s.outerHTML.slice(0, 80));
  for (const d of document.querySelectorAll('details')) d.open = true;
  return out;
}

for (const visit of visits) {
  const context = await browser.newContext({ viewport: { width: 360, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  watch(page, base, (text) => /status of 400/.test(text)); // what no policy can judge, and what is too long to look for
  await signIn(page, base, visit.name, password);
  for (const path of visit.paths) {
    looked++;
    const answer = await page.goto(base + path, { waitUntil: 'load' });
    if (![200, 400].includes(answer.status())) tell('problem', { what: `answered ${answer.status()}`, at: path });
    for (const what of await page.evaluate(poke)) tell('problem', { what: 'the page holds', detail: what, at: path });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 1) {
      const wide = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((el) => el.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((el) => el.localName + '.' + el.className).join(' '));
      tell('problem', { what: `${over} px wider than a window of 360`, detail: wide, at: path });
    }
    if (page.url() !== base + path) tell('problem', { what: 'the page led elsewhere', detail: page.url(), at: path });
  }
  await context.close();
}
tell('looked', { count: looked });

async function reports() {
  const text = await (await fetch(base + '/metrics')).text();
  return Number((text.match(/^plumb_page_reports_total (\d+)$/m) || [])[1] ?? NaN);
}
tell('before', { count: await reports() });

// The control: an inline script and a picture of elsewhere are put into one of our pages.
const page = await browser.newPage();
await signIn(page, base, visits[0].name, password);
await page.goto(base + '/help');
await page.evaluate(() => {
  window.ran = 0;
  const s = document.createElement('script');
  s.textContent = 'window.ran = 1';
  document.body.append(s);
  new Image().src = 'https://elsewhere.example/x.png';
});
if (await page.evaluate(() => window.ran) !== 0) tell('problem', { what: 'an inline script ran', at: '/help' });
const end = Date.now() + 15000;
let n = await reports();
while (n < 2 && Date.now() < end) n = await reports();
tell('after', { count: n });
await browser.close();
tell('done', {});
