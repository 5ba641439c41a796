// What failed of policies, as the helpdesk sees it, in a real browser. Arguments as in window.mjs.
import { base, check, fits as fitsIn, look as lookAt, open, run, signIn } from "./window.mjs";

const page = await open();
const look = (called) => lookAt(page, called, called.endsWith("whole"));
const fits = (called) => fitsIn(page, called);

await run(async () => {
  await page.goto(`${base}/`);
  await signIn(page);
  await look("overview");
  await fits("overview");
  await page.click("a:has-text('1 failed')");
  check(page.url().includes("state=failed"), `the devices on which it failed: ${page.url()}`);
  await look("declaration");
  await look("declaration-whole");
  await fits("declaration");
  await page.click("a:has-text('DESKTOP-ACCOUNTING-07')");
  check(await page.getByText("Last failure:").isVisible(), "the last failure is there");
  const place = await page.getByText("Last failure:").boundingBox();
  check(place.y < 360, `the last failure is at the top: ${place.y}`);
  await look("device");
  await look("device-whole");
  await fits("device");
  await page.goto(`${base}/commands?state=failed`);
  await look("commands");
  const setting = (uri) => page.goto(`${base}/sets/default/declarations/baseline-of-all-computers/setting?uri=${encodeURIComponent(uri)}`);
  const config = "./Device/Vendor/MSFT/Policy/Config";
  await setting(`${config}/UserRights/BackupFilesAndDirectories`);
  check(await page.isChecked("input[name=empty]"), "nobody is ticked");
  await look("nobody");
  await page.click("button[value=save]");
  await page.waitForURL(/done=saved/);
  check((await page.getByText("It is in your draft").count()) > 0, "nobody is kept");
  await setting("./Device/Vendor/MSFT/WiFi/Profile/office/WlanXml");
  check((await page.locator("textarea#value").count()) === 1, "a document has a field of several lines");
  await look("document");
  await fits("document");
  await page.goto(`${base}/sets/default/declarations/baseline-of-all-computers?words=wlan`);
  await look("search");
  await setting(`${config}/Start/StartLayout`);
  await look("room");
});
