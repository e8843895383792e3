// From an empty server to people at work, by clicking: the first-start ceremony, passwords chosen with the
// one-time codes that it shows, a service account, and its token.
import { visitor, must } from './browser.mjs';

// The company, as the demo's is: two officers, and two people for each role that approves.
const people = [
  ['olga', ['officer', 'admin']], ['otto', ['officer']], ['sam', ['security-lead']], ['sally', ['security-lead']], ['erin', ['engineering-lead']],
  ['emil', ['engineering-lead']], ['ivan', ['it-manager']], ['ida', ['it-manager']], ['dora', ['devops-lead']], ['dirk', ['devops-lead']], ['alice', []], ['ivy', ['implementer']],
];

const capital = (name) => name[0].toUpperCase() + name.slice(1);

// found fills in the ceremony, and gives each one-time code with the link that was shown beside it.
export async function found(browser, base, code) {
  const page = await visitor(browser, base);
  await page.goto(base + '/');
  must(new URL(page.url()).pathname === '/setup', 'an empty server leads to its set-up');
  await page.getByLabel('Name', { exact: true }).first().fill('Example Ltd');
  for (const [i, [name, roles]] of people.entries()) {
    if (await page.locator(`[name="p${i}-name"]`).count() === 0) await page.getByRole('button', { name: 'Add a person' }).click();
    const row = page.locator('details.person-row').nth(i);
    if (!await row.evaluate((d) => d.open)) await row.locator('summary').click();
    await page.locator(`[name="p${i}-name"]`).fill(capital(name));
    await page.locator(`[name="p${i}-email"]`).fill(name + '@example.com');
    await page.locator(`[name="p${i}-username"]`).fill(name);
    await page.locator(`[name="p${i}-officer"]`).setChecked(roles.includes('officer'));
    for (const role of roles.filter((r) => r !== 'officer')) await page.locator(`[name="p${i}-roles"][value="${role}"]`).check();
    if (i === 3) {
      await page.getByRole('button', { name: 'Check who fills what' }).click();
      must(await page.getByText('Still missing').isVisible(), 'with four people the form says who is missing');
    }
  }
  await page.getByRole('button', { name: 'Check who fills what' }).click();
  must(await page.getByText('Every rule of the policy can be satisfied').isVisible(), 'with all of them every rule can be satisfied');
  await page.getByLabel('Setup code').fill('not the code');
  await page.getByRole('button', { name: 'Set up', exact: true }).click();
  must(await page.locator('[name="p11-username"]').inputValue() === 'ivy', 'a wrong code sets nothing up, and loses nothing that was typed');
  await page.getByLabel('Setup code').fill(code);
  await page.getByRole('button', { name: 'Set up', exact: true }).click();
  await page.getByRole('heading', { name: 'Example Ltd is set up' }).waitFor();
  const codes = {};
  for (const row of await page.locator('#codes li').all()) {
    const lines = await row.locator('pre').allInnerTexts();
    codes[await row.locator('code').first().innerText()] = { code: lines[0].trim(), link: lines[1].trim() };
  }
  must(Object.keys(codes).length === people.length, `the set-up ends with ${people.length} one-time codes`);
  await page.context().close();
  return codes;
}

// enter chooses somebody's password with their code, and leaves them on their home page.
export async function enter(browser, base, given, password) {
  const page = await visitor(browser, base);
  await page.goto(given.link);
  await page.getByLabel('One-time code').fill(given.code);
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password again').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(base + '/');
  return page;
}

// pipeline makes the service account by an officer, and its token by who answers for it; it gives the secret.
export async function pipeline(officer, owner) {
  await officer.getByRole('link', { name: 'Administration' }).click();
  await officer.getByRole('link', { name: 'Service accounts' }).first().click();
  await officer.getByLabel('User name').fill('ci');
  const answers = officer.getByLabel('Who answers for it');
  await answers.selectOption(await answers.locator('option', { hasText: 'Ivy' }).getAttribute('value'));
  await officer.getByLabel('Repositories').fill('example-infra');
  await officer.getByRole('button', { name: 'Make it' }).click();
  await officer.getByRole('heading', { name: 'ci', exact: true }).waitFor();
  must(true, 'an officer makes a service account that Ivy answers for');
  await owner.goto(new URL('/profile', owner.url()).href);
  await owner.locator('#new-token [name="name"]').fill('pipeline');
  await owner.locator('#new-token [name="account"]').selectOption({ label: 'the service account ci' });
  for (const scope of ['read', 'file', 'evidence', 'gate']) await owner.locator(`#new-token [name="scopes"][value="${scope}"]`).check();
  await owner.locator('#new-token [name="repo"]').fill('example-infra');
  await owner.locator('#new-token [name="pipeline"]').fill('apply');
  await owner.getByRole('button', { name: 'Make it, and show the secret' }).click();
  const secret = (await owner.locator('pre.secret').innerText()).trim();
  await owner.reload();
  must(await owner.getByText('came twice and was taken once').isVisible(), 'loading that page again makes no second token');
  must(await owner.getByRole('button', { name: 'Revoke' }).count() === 1, 'and one token is there');
  await owner.goto(new URL('/profile', owner.url()).href);
  must(secret !== '' && await owner.locator('pre.secret').count() === 0, 'Ivy makes its token, whose secret is shown once');
  return secret;
}
