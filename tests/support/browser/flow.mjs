// The flows of the helpdesk in a real browser, with screenshots in light and dark and a look by axe-core at every page.
// Arguments: address of the admin door, name and password of an operator, folder for screenshots. Prints one line for each step; fails at the first
// thing that is not as it should be.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { stdin } from "node:process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [base, name, password, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(folder, { recursive: true });

const fail = (what) => {
  throw new Error(what);
};
const check = (holds, what) => holds || fail(what);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, acceptDownloads: true });
const page = await context.newPage();
const wrong = [];
page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
page.on("pageerror", (error) => wrong.push(String(error)));
page.on("dialog", (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
page.on("request", (request) => request.url().startsWith(base) || wrong.push(`asked elsewhere: ${request.url()}`));

// A picture of the page in light and dark, and what axe-core says of both.
const look = async (name) => {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: join(folder, `${name}-${scheme}.png`), fullPage: true });
    // The policy of the pages lets no script in; the debugger may.
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
    const told = violations.map((found) => `${found.id}: ${found.nodes.slice(0, 3).map((node) => `${node.html} (${node.failureSummary})`).join("; ")}`);
    check(told.length === 0, `${name}, ${scheme}: ${told.join("\n")}`);
  }
  check(wrong.length === 0, `${name}: ${wrong.join("\n")}`);
  console.log(`seen ${name}`);
};

// The test makes the device check in when it is told to, and says when that is done.
const lines = createInterface({ input: stdin })[Symbol.asyncIterator]();
const told = async (what) => {
  console.log(`please ${what}`);
  const { value } = await lines.next();
  check(value === "done", `${what}: ${value}`);
};

try {
  await page.goto(`${base}/`);
  check(page.url().includes("/sign-in"), "nobody is signed in yet");
  await look("sign-in");
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/`);
  await look("overview");

  await page.keyboard.press("/");
  await page.keyboard.type("laptop-ada");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/devices\?q=/);
  await look("devices");
  await page.goto(`${base}/devices?where=${encodeURIComponent("os.bulid < 22631")}`);
  check((await page.textContent("main")).includes("did you mean os.build?"), "what is wrong with a condition is said");
  await look("condition");
  await page.keyboard.press("/");
  await page.keyboard.type("pf2abcde");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=pf2abcde/);
  check((await page.locator("tbody tr").count()) === 1, "the device is found by its serial number");
  await page.click("tbody a");
  await look("device");

  await page.click(".note.bad a");
  check((await page.textContent("main")).includes("What to do:"), "the failure is explained");
  await look("why");
  await page.click(".path a");
  await page.waitForURL(/\/sessions\/.+#m/);
  check(await page.locator("li:target details").evaluate((row) => row.open), "the line is open");
  await look("session");
  await page.click("text=Only problems");
  await look("problems");
  const session = page.url().split("?")[0];
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("text=Export as HTML")]);
  const kept = join(folder, "session.html");
  await file.saveAs(kept);
  const exported = await context.newPage();
  await exported.goto(`file://${kept}`);
  await exported.screenshot({ path: join(folder, "export-light.png"), fullPage: true });
  check((await exported.textContent("h1")).includes("Session of"), "the file shows the session");
  await exported.close();
  await page.goto(session);
  await page.click(".exchange >> nth=-1 >> text=XML");
  await look("message");

  await page.goto(`${base}/sessions?text=404`);
  check((await page.locator("tbody tr").count()) >= 1, "the session is found by its Status");
  await look("sessions");

  await page.goto(`${base}/devices?q=laptop-ada`);
  await page.click("tbody a");
  await page.click("text=All actions");
  await look("actions");
  await page.click("text=Wipe…");
  await look("wipe");
  await page.fill("input[name=typed]", "another");
  await page.click("text=Erase it");
  check((await page.textContent("main")).includes("this is not the name"), "what destroys wants the name");
  // The answer says that it was not done; the browser tells its console so.
  wrong.length = 0;
  await page.click("text=Cancel");
  await page.click("text=Show…");
  await look("key");
  await page.fill("input[name=reason]", "the disk asks for it");
  await page.click("button:has-text('Show it')");
  check((await page.textContent(".secret")).startsWith("111111-"), "the key is shown");
  await look("key-shown");
  await page.click("text=Back to the device");
  await page.click("text=Restart…");
  await look("confirm");
  await page.click("text=Restart it");
  await page.waitForURL(/done=reboot/);
  await look("ordered");

  await told("begin a session");
  await page.goto(`${base}/sessions`);
  await page.click("tbody a >> nth=0");
  await page.waitForSelector("#conversation[hx-get]");
  const before = await page.locator(".exchange").count();
  await look("live");
  await told("go on");
  await page.waitForFunction((count) => document.querySelectorAll(".exchange").length > count, before, { timeout: 15_000 });
  await look("live-later");
  await page.goto(`${base}/audit`);
  await look("audit");
  await page.click("text=Verify the chain");
  check((await page.textContent("main")).includes("The record is whole."), "the chain holds");
  await look("audit-proof");
  await page.goto(`${base}/settings`);
  await look("settings");
  await page.goto(`${base}/account`);
  await look("account");

  for (const path of ["alerts", "provisioning", "provisioning?state=failed", "webhooks", "enrollment", "enrollment/tokens"]) {
    await page.goto(`${base}/${path}`);
    check((await page.locator(".empty").count()) >= (path === "alerts" ? 0 : 1), `${path} says what to do next`);
    await look(path.replace(/\W/g, "-"));
  }
  await page.goto(`${base}/events`);
  await look("events");
  await page.goto(`${base}/catalogue`);
  await look("catalogue");
  await page.fill("main input[name=words]", "camera allow");
  await page.keyboard.press("Enter");
  await page.waitForURL(/words=camera/);
  await look("catalogue-found");
  await page.click("tbody a");
  await look("setting");

  // With the keyboard alone: a link for somebody, shown once.
  await page.goto(`${base}/people`);
  await look("people");
  await page.focus("#name");
  await page.keyboard.type("grace");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".secret");
  check((await page.textContent(".secret")).includes("/join/"), "the link is shown");
  await look("people-link");
  await page.focus("td.deeds summary");
  await page.keyboard.press("Enter");
  await page.waitForSelector("td.deeds details[open]");
  await look("people-change");
  await page.goto(`${base}/people/tokens`);
  await page.fill("#name", "siem");
  await page.click("text=Make it");
  check((await page.textContent(".secret")).startsWith("transom_"), "the token is shown");
  await look("tokens");
  await page.goto(`${base}/enrollment`);
  await page.fill("#name", "grace@contoso.test");
  await page.click("text=Make it");
  await page.waitForSelector(".secret");
  await look("enrollment-made");
  await page.click("td.deeds summary");
  await look("enrollment-change");
  await page.goto(`${base}/enrollment/tokens`);
  await page.fill("#user", "grace@contoso.test");
  await page.click("text=Make it");
  await page.waitForSelector(".secret");
  await look("enrollment-token");
  await page.goto(`${base}/webhooks`);
  await page.fill("#name", "siem");
  await page.fill("#url", "http://127.0.0.1:1/in");
  await page.fill("#types", "identity.*, command.failed");
  await page.click("text=Add it");
  await page.waitForSelector(".secret");
  await look("webhook-added");
  await page.goto(`${base}/devices?q=laptop-ada`);
  await page.click("tbody a");
  await page.setViewportSize({ width: 390, height: 800 });
  await look("narrow");
  await page.goto(`${base}/nothing/here`, { waitUntil: "commit" });
  await page.goto(`${base}/devices/nobody`);
  wrong.length = 0;
  await look("missing");
  console.log("done");
} finally {
  await browser.close();
  // Who tells when to go on may wait for the end.
  stdin.destroy();
}
