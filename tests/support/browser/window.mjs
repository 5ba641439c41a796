// A real browser for the scripts beside this one, with screenshots in light and dark and a look by axe-core at every page.
// Their arguments: address of the admin door, name and password of an operator, folder for screenshots. They print one
// line for each step, and fail at the first thing that is not as it should be.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { stdin } from "node:process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const [base, name, password, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
mkdirSync(folder, { recursive: true });

export const check = (holds, what) => {
  if (!holds) throw new Error(what);
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

// What went wrong in any window: errors of scripts, dialogs that nobody asked for, requests to anybody else.
export const wrong = [];

// A check that is on its way when the page is left ends there, and htmx says so.
const isLeft = (text) => /^htmx:(sendAbort|afterRequest)\b/.test(text);

// A new window, signed in nowhere.
export const open = async (options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && !isLeft(message.text()) && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("dialog", (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => request.url().startsWith(base) || wrong.push(`asked elsewhere: ${request.url()}`));
  return page;
};

// A picture of a page in light and dark, the whole or what the window shows, and what axe-core says of both.
export const look = async (page, called, fullPage = true) => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${called}-${colorScheme}.png`), fullPage });
    // The policy of the pages lets no script in; the debugger may.
    await page.evaluate(axe);
    const { violations } = await page.evaluate((runOnly) => axe.run({ runOnly }), rules);
    const told = violations.map((found) => `${found.id}: ${found.nodes.slice(0, 3).map((node) => `${node.html} (${node.failureSummary})`).join("; ")}`);
    check(told.length === 0, `${called}, ${colorScheme}: ${told.join("\n")}`);
  }
  check(wrong.length === 0, `${called}: ${wrong.join("\n")}`);
  console.log(`seen ${called}`);
};

// Nothing is wider than the window, at the sizes that people have.
export const fits = async (page, called, widths = [1024, 1280]) => {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 720 });
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    check(wide <= room, `${called}: ${wide} pixels in ${room}`);
  }
};

// Fills in who signs in, on the page that asks for it.
export const signIn = async (page) => {
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", password);
  await page.press("input[name=password]", "Enter");
  await page.waitForURL(`${base}/`);
};

// Asks the test for something, which says when that is done.
let lines;
export const told = async (what) => {
  lines ??= createInterface({ input: stdin })[Symbol.asyncIterator]();
  console.log(`please ${what}`);
  const { value } = await lines.next();
  check(value === "done", `${what}: ${value}`);
};

// Runs the steps of a script, and closes the browser however they end.
export const run = async (steps) => {
  try {
    await steps();
    check(wrong.length === 0, wrong.join("\n"));
    console.log("done");
  } finally {
    await browser.close();
    // Who tells when to go on may wait for the end.
    stdin.destroy();
  }
};
