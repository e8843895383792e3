// The journey of `plumb demo` by clicking only, from an empty server to the proof; the pipeline's part goes
// over the API, as a pipeline does it. The first approval is given with the keyboard alone, from the
// sign-in on.
import { open, watch, tell, visitor, must } from './browser.mjs';
import { found, enter, pipeline } from './founding.mjs';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const { base, code, password, dir } = JSON.parse(process.env.PLUMB_TASK);
const digestOf = (text) => 'sha256:' + createHash('sha256').update(text).digest('hex');
const file = 'listen: 8080\nworkers: 4\n';
const back = '#!/bin/sh\nset -eu\ninstall -m 644 web.yaml.old web.yaml\n';
writeFileSync(dir + '/web.yaml', file);
writeFileSync(dir + '/back.sh', back);
writeFileSync(dir + '/report.xml', '<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>');

const browser = await open();
let ci = '';

async function gate(path, body) {
  const r = await fetch(base + '/api/v1/gate/' + path, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer ' + ci }, body: JSON.stringify(body) });
  return r.json();
}

// approve reads a change that waits on the home page, and approves it.
async function approve(page, title) {
  await page.goto(base + '/');
  await page.getByRole('link', { name: title }).first().click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Your approval is recorded').waitFor();
}

// save keeps what a click makes the browser download.
async function save(page, button, name) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  await download.saveAs(dir + '/' + name);
}

// drop lets a file fall on its field, as a hand does that drags it there.
async function drop(page, field, name, text) {
  const held = await page.evaluateHandle(([name, text]) => {
    const held = new DataTransfer();
    held.items.add(new File([text], name));
    return held;
  }, [name, text]);
  const zone = page.locator('[data-drop]', { has: page.locator(`input[name="${field}"]`) });
  for (const kind of ['dragover', 'drop']) await zone.dispatchEvent(kind, { dataTransfer: held });
  must(await page.locator(`input[name="${field}"]`).evaluate((el) => el.files[0]?.name) === name, `${name} is dropped on its field`);
}

async function filing(alice) {
  await alice.getByRole('link', { name: 'New change' }).first().click();
  await alice.getByRole('link', { name: /^Configuration/ }).first().click();
  await alice.locator('[name="summary"]').fill('Give the web servers four workers');
  await alice.locator('[name="justification"]').fill('The queue grows at noon. @erin knows why.');
  await alice.locator('[name="component"]').first().fill('web');
  await alice.locator('[name="target"]').first().fill('web-prod');
  await alice.locator('[name="rb.text"]').fill('Put the old file back.');
  await alice.getByText('When, how long, a runnable procedure').click();
  await alice.locator('[name="rb.up"]').selectOption('runbook');
  await alice.locator('input[type="file"][name="rb.file"]').setInputFiles(dir + '/back.sh');
  await drop(alice, 'up', 'web.yaml', file);
  await alice.locator('[name$=".who"]').first().fill('ci');
  await alice.locator('[name$=".repo"]').first().fill('example-infra');
  await alice.locator('[name$=".pipe"]').first().fill('apply');
  await alice.getByRole('button', { name: 'File and submit' }).click();
  await alice.waitForLoadState();
  const id = (alice.url().match(/CHG-\d+/) || [])[0];
  must(id, 'a change is filed by its form: ' + alice.url() + ' ' + (await alice.locator('.notice').allInnerTexts()).join(' '));
  return id;
}

// keys lets Sam sign in and approve without a pointer.
async function keys(id) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  const sam = await context.newPage();
  watch(sam, base);
  await sam.goto(base + '/login');
  await sam.keyboard.type('sam');
  await sam.keyboard.press('Tab');
  await sam.keyboard.type(password);
  await sam.keyboard.press('Enter');
  await sam.waitForURL(base + '/');
  await sam.keyboard.press('j');
  await sam.keyboard.press('Enter');
  await sam.waitForURL(`**/changes/${id}`);
  await sam.keyboard.press('a');
  await sam.keyboard.type('Looked at the file and its tests.');
  for (let i = 0; i < 6; i++) {
    await sam.keyboard.press('Tab');
    if (await sam.evaluate(() => document.activeElement.textContent.trim()) === 'Approve') break;
  }
  await sam.keyboard.press('Enter');
  await sam.getByText('Your approval is recorded').waitFor();
  must(true, 'security approves with the keyboard alone');
  return sam;
}

async function run(id, kind, name, digest) {
  const ask = (d) => ({ schema: 'plumb.gate-request/v1', change: id, kind, observed: [{ kind: kind === 'apply' ? 'config-file' : 'runbook', name, digest: d }] });
  const wrong = await gate('open', ask('sha256:' + '1'.repeat(64)));
  must(wrong.verdict !== 'allow' && wrong.code === 5, `the gate refuses another file (${wrong.code} ${(wrong.denials ?? []).map((d) => d.text ?? d.message ?? d.code).join(' ')})`);
  const right = await gate('open', ask(digest));
  must(right.verdict === 'allow', `and releases the approved one (${right.code} ${JSON.stringify(right.reasons ?? '')})`);
  const { fence } = JSON.parse(Buffer.from(right.permit.payload, 'base64').toString()).predicate;
  return { again: () => gate('open', ask(digest)), close: async () => {
    const done = await gate('close', { permit: right.permit_id, fence, outcome: 'success', exit: 0 });
    must(!done.code, `the pipeline reports how the ${kind} ended ${done.detail ?? ''}`);
  } };
}

try {
  const codes = await found(browser, base, code);
  const olga = await enter(browser, base, codes.olga, password);
  const ivy = await enter(browser, base, codes.ivy, password);
  ci = await pipeline(olga, ivy);
  const alice = await enter(browser, base, codes.alice, password);
  must(await alice.getByText('New change').first().isVisible(), 'a requester finds where to begin');
  const sam0 = await enter(browser, base, codes.sam, password);
  const erin = await enter(browser, base, codes.erin, password);

  const id = await filing(alice);
  await sam0.goto(`${base}/changes/${id}`);
  must(await sam0.getByRole('button', { name: 'Approve' }).count() === 0, 'nobody can approve what was not tested');
  await alice.goto(`${base}/changes/${id}/evidence`);
  await alice.locator('input[type="file"]').setInputFiles(dir + '/report.xml');
  await alice.getByRole('button', { name: 'Add the evidence' }).click();
  await alice.goto(`${base}/changes/${id}`);
  must(await alice.getByText('awaiting approval').first().isVisible(), 'its tests are shown, and it waits for approval');
  must(await alice.getByRole('button', { name: 'Approve' }).count() === 0, 'its author is not offered to approve it');
  const own = await alice.request.post(`${base}/changes/${id}/approve`, { form: { seen: 'sha256:' + '0'.repeat(64), comment: '' } });
  must(own.status() === 403 || own.status() === 412, `and is refused when asking all the same (${own.status()})`);
  const early = await gate('open', { schema: 'plumb.gate-request/v1', change: id, kind: 'apply', observed: [{ kind: 'config-file', name: 'web.yaml', digest: digestOf(file) }] });
  must(early.code === 4, `the gate stays shut before the approvals (${early.code})`);

  const sam = await keys(id);
  await approve(erin, 'Give the web servers four workers');
  must(await erin.locator('.badge', { hasText: 'authorized' }).first().isVisible(), 'engineering approves by clicking, and it is authorized');

  await alice.goto(`${base}/changes/${id}`);
  await alice.getByRole('link', { name: 'Reword it' }).click();
  await alice.locator('[name="summary"]').fill('Four workers for the web servers');
  await alice.getByRole('button', { name: 'Save and submit' }).click();
  await alice.waitForURL(`**/changes/${id}`);
  must(await alice.getByText('awaiting approval').first().isVisible(), 'one word is changed, and both approvals are void');
  await approve(sam, 'Four workers for the web servers');
  await approve(erin, 'Four workers for the web servers');

  const first = await run(id, 'apply', 'web.yaml', digestOf(file));
  await erin.getByText('implementing').first().waitFor({ timeout: 15000 });
  must(true, 'the open page shows by itself that it runs');
  await first.close();
  const twice = await first.again();
  must(twice.verdict !== 'allow', `a second run is refused (${twice.code})`);
  const undone = await run(id, 'rollback', 'back.sh', digestOf(back));
  await undone.close();

  await alice.goto(`${base}/changes/${id}`);
  await alice.getByText('Close it', { exact: true }).click();
  const offered = await alice.locator('[name="closure"] option').allTextContents();
  must(!offered.includes('successful') && offered.some((o) => /backed out/.test(o)), 'what was rolled back is not offered to be closed as successful: ' + offered.join(', '));
  await alice.locator('[name="closure"]').selectOption('backed_out');
  await alice.locator('[name="outcome"]').fill('Backed out after ten minutes.');
  await alice.locator('[name="causes"]').fill('The workers did not fit into memory.');
  await alice.locator('[name="action"]').fill('Measure the memory of a worker');
  await alice.locator('[name="owner"]').fill('alice');
  await alice.locator('[name="due"]').fill('2031-01-31');
  await alice.getByRole('button', { name: 'Close the change' }).click();
  await alice.getByRole('heading', { name: 'Closed as backed out' }).waitFor();
  must(true, 'it is closed as backed out, with its review');

  await erin.goto(`${base}/changes/${id}`);
  await erin.getByRole('link', { name: /proof/i }).first().click();
  await erin.waitForURL('**/ledger/*');
  must(await erin.getByRole('heading', { level: 1 }).isVisible(), 'each event leads to its proof');
  await save(erin, erin.getByRole('link', { name: 'Download the proof' }), 'event.proof.json');

  await olga.getByRole('link', { name: 'Ledger', exact: true }).first().click();
  const day = (d) => new Date(Date.now() + d * 86400000).toISOString().slice(0, 10);
  await olga.locator('[name="from"]').fill(day(-1));
  await olga.locator('[name="to"]').fill(day(0));
  await save(olga, olga.getByRole('button', { name: 'Download the pack' }), 'period.plumb');
  must(true, 'the evidence of the day is taken out as one file');
  tell('filed', { what: id });
} catch (e) {
  tell('problem', { what: 'the journey ended', detail: e.message });
}
await browser.close();
tell('done', {});
