// One change from the request to the proof, by clicking only; the pipeline's part goes over the API, as a
// pipeline does it. The first approval is given with the keyboard alone, from the sign-in on.
import { open, watch, signIn, tell } from './browser.mjs';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const { base, password, ci, account, dir } = JSON.parse(process.env.PLUMB_TASK);
const file = 'listen: 8080\nworkers: 4\n';
const digest = 'sha256:' + createHash('sha256').update(file).digest('hex');
writeFileSync(dir + '/web.yaml', file);
writeFileSync(dir + '/report.xml', '<testsuite name="unit" tests="1"><testcase name="a"/></testsuite>');

const browser = await open();
function must(yes, what) {
  tell('step', { what });
  if (!yes) throw new Error(what);
}

// as opens a window of somebody's own.
async function as(name) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(10000);
  watch(page, base, (text) => /status of (4\d\d)/.test(text));
  await signIn(page, base, name, password);
  return page;
}

async function gate(path, body) {
  const r = await fetch(base + '/api/v1/gate/' + path, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer ' + ci }, body: JSON.stringify(body) });
  return r.json();
}

try {
  const alice = await as('alice');
  await alice.getByRole('link', { name: 'New change' }).first().click();
  await alice.goto(base + '/changes/new?category=configuration');
  await alice.locator('[name="summary"]').fill('Give the web servers four workers');
  await alice.locator('[name="justification"]').fill('The queue grows at noon. @erin knows why.');
  await alice.locator('[name="component"]').first().fill('web');
  await alice.locator('[name="target"]').first().fill('web-test');
  await alice.locator('[name="rb.text"]').fill('Put the old file back.');
  await alice.locator('input[type="file"][name="up"]').setInputFiles(dir + '/web.yaml');
  const who = alice.locator('[name$=".who"]').first();
  await who.fill(account);
  await alice.locator('[name$=".repo"]').first().fill('example-infra');
  await alice.locator('[name$=".pipe"]').first().fill('apply');
  await alice.getByRole('button', { name: 'File and submit' }).click();
  await alice.waitForLoadState();
  const id = (alice.url().match(/CHG-\d+/) || [])[0];
  must(id, 'a change is filed by its form: ' + alice.url() + ' ' + (await alice.locator('.notice').allInnerTexts()).join(' '));

  await alice.goto(`${base}/changes/${id}/evidence`);
  await alice.locator('input[type="file"]').setInputFiles(dir + '/report.xml');
  await alice.getByRole('button', { name: 'Add the evidence' }).click();
  await alice.goto(`${base}/changes/${id}`);
  must(await alice.getByText('awaiting approval').first().isVisible(), 'its tests are shown, and it waits for approval');
  must(await alice.getByRole('button', { name: 'Approve' }).count() === 0, 'its author is not offered to approve it');
  const own = await alice.request.post(`${base}/changes/${id}/approve`, { form: { seen: 'sha256:' + '0'.repeat(64), comment: '' } });
  must(own.status() === 403 || own.status() === 412, `and is refused when asking all the same (${own.status()})`);

  // Sam decides with the keyboard alone.
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

  const erin = await as('erin');
  await erin.getByRole('link', { name: 'Give the web servers four workers' }).first().click();
  await erin.getByRole('button', { name: 'Approve' }).click();
  await erin.getByText('Your approval is recorded').waitFor();
  must(await erin.locator('.badge', { hasText: 'authorized' }).first().isVisible(), 'engineering approves by clicking, and it is authorized');

  const ask = (d) => ({ schema: 'plumb.gate-request/v1', change: id, kind: 'apply', observed: [{ kind: 'config-file', name: 'web.yaml', digest: d }] });
  const wrong = await gate('open', ask('sha256:' + '1'.repeat(64)));
  must(wrong.code === 5, `the gate refuses another file (${wrong.code})`);
  const right = await gate('open', ask(digest));
  must(right.verdict === 'allow', `and releases the approved one (${right.code})`);
  await erin.getByText('implementing').first().waitFor({ timeout: 15000 });
  must(true, 'the open page shows by itself that it runs');
  await gate('close', { permit: right.permit_id, fence: right.fence, outcome: 'success', exit: 0 });

  await erin.goto(`${base}/changes/${id}`);
  const timeline = erin.getByRole('link', { name: /proof/i }).first();
  await timeline.click();
  await erin.waitForURL('**/ledger/*');
  must(await erin.getByRole('heading', { level: 1 }).isVisible(), 'each event leads to its proof');
  await erin.getByRole('link', { name: 'Download the proof' }).waitFor();
  const [download] = await Promise.all([erin.waitForEvent('download'), erin.getByRole('link', { name: 'Download the proof' }).click()]);
  await download.saveAs(dir + '/event.proof.json');
  tell('filed', { what: id });
} catch (e) {
  tell('problem', { what: 'the journey ended', detail: e.message });
}
await browser.close();
tell('done', {});
