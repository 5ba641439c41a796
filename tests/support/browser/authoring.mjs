// An author at work in a real browser: first with scripts, then with the keyboard alone, then without scripts. Arguments as
// in window.mjs.
import { base, check, fits, look as lookAt, open, run, signIn as signInAt, told } from "./window.mjs";

let page = await open();
const look = async (called) => {
  await lookAt(page, called);
  await fits(page, called, [page.viewportSize().width]);
};
const signIn = async () => {
  await page.goto(`${base}/sign-in`);
  await signInAt(page);
};
const says = async (text) => check((await page.textContent("main")).includes(text), `the page does not say: ${text}`);
const add = async (type, identifier) => {
  await page.selectOption("#type", type);
  await page.fill("#identifier", identifier);
  await page.click("text=Add it");
  await page.waitForURL(new RegExp(`/declarations/${identifier}`));
};
const find = async (words, uri) => {
  await page.fill("main input[name=words]", words);
  await page.keyboard.press("Enter");
  await page.waitForURL(/words=/);
  await page.click(`main a:has-text("${uri}") >> nth=0`);
  await page.waitForURL(/\/setting\?/);
};
const keep = async () => {
  await page.click("text=Keep it in the draft");
  await page.waitForURL(/done=saved/);
};

await run(async () => {
  await signIn();
  await page.goto(`${base}/policies`);
  await look("policies-empty");
  await page.click("text=Write policies");
  await look("sets-empty");
  await page.fill("#set", "default");
  await page.click("text=Open it");
  await look("set-empty");
  await add("configuration", "baseline");
  await look("configuration-empty");

  // A number: searched, mistyped, out of range, right.
  await page.fill("main input[name=words]", "device password length");
  await page.keyboard.press("Enter");
  await page.waitForURL(/words=/);
  await look("found");
  await page.click("main a:has-text('MinDevicePasswordLength') >> nth=0");
  await look("number");
  await page.fill("#value", "4x");
  await page.waitForSelector("#said .badge.bad");
  await look("number-wrong");
  await page.fill("#value", "400");
  await page.waitForFunction(() => document.querySelector("#said").textContent.includes("write a number from"));
  await page.click("text=Keep it in the draft");
  await page.waitForSelector("[role=alert]");
  check((await page.inputValue("#value")) === "400", "what was entered is there still");
  await look("number-refused");
  await page.fill("#value", "12");
  await page.waitForFunction(() => !document.querySelector("#said .badge.bad"));
  await keep();
  await says("MinDevicePasswordLength");
  await look("configuration");

  // A choice.
  await find("camera allow", "AllowCamera");
  await page.selectOption("#value", "0");
  await page.waitForFunction(() => !document.querySelector("#said").textContent.includes("Give it a value"));
  await look("choice");
  await keep();

  // An address that is mistyped.
  await page.fill("main input[name=words]", "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamra");
  await page.keyboard.press("Enter");
  await page.waitForURL(/words=/);
  await page.click("section button:has-text('Add')");
  await page.waitForURL(/\/setting\?/);
  await says("did you mean");
  await look("typo");

  // A policy of a template, with all that it asks for.
  await page.goto(`${base}/sets/default/declarations/baseline`);
  await find("kiosk greeting", "Greeting");
  await look("policy");
  await page.check("input[name=state][value=enabled]");
  await page.selectOption("select[name='element.Loud']", "true");
  await page.fill("input[name='element.Seconds']", "90");
  await page.waitForFunction(() => document.querySelector("#said").textContent.includes("from 1 to 60"));
  await look("policy-wrong");
  await page.fill("input[name='element.Seconds']", "30");
  await page.fill("input[name='element.Words']", "hello");
  await page.fill("textarea[name='element.Lines']", "one\ntwo");
  await page.selectOption("select[name='element.Colour']", "red");
  await page.fill("textarea[name='element.Sites']", "home = https://example.com");
  await page.fill("textarea[name='element.Hosts']", "a.example\nb.example");
  await page.waitForFunction(() => !document.querySelector("#said .badge.bad"));
  await keep();

  // Several values, a name that is chosen, what nobody knows, and what is hostile.
  await page.goto(`${base}/sets/default/declarations/baseline`);
  await find("firewallrules localportranges", "LocalPortRanges");
  await look("named");
  await page.fill("#name-0", "Web");
  await page.fill("#lines", "80\n443");
  await page.waitForFunction(() => !document.querySelector("#said .badge.bad") && !document.querySelector("#said").textContent.includes("choose a name"));
  await keep();
  const hostile = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u202e";
  await page.goto(`${base}/sets/default/declarations/baseline/setting?uri=./Vendor/Contoso/Text`);
  await page.fill("#value", hostile);
  await page.fill("#mime", "text/plain");
  await look("unknown");
  await keep();
  await page.fill("#description", hostile);
  await page.click("button:has-text('Keep')");
  await page.waitForURL(/done=saved/);
  await look("configuration-full");
  // Changed and removed again.
  await page.click("main td a:has-text('Contoso/Text')");
  check((await page.inputValue("#value")) === hostile, "a value is shown as it was entered");
  await page.click("text=Remove this setting");
  await page.waitForURL(/done=saved/);

  // For which devices.
  await page.goto(`${base}/sets/default`);
  await add("activation", "everyone");
  await page.fill("#when", "os.bulid >= 22000");
  await page.waitForFunction(() => document.querySelector("#fits").textContent.includes("did you mean os.build"));
  await look("activation-wrong");
  await page.fill("#when", "os.build >= 22000");
  await page.waitForFunction(() => document.querySelector("#fits").textContent.includes("1 device"));
  await page.check("input[name=configuration][value=baseline]");
  await look("activation");
  await keep();

  await page.goto(`${base}/sets/default/import`);
  await look("import");
  await page.fill("#name", "from-fleet");
  await page.setInputFiles("#file", { name: "profile.xml", mimeType: "text/xml", buffer: Buffer.from("<Replace><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana</LocURI></Target><Meta><Format>int</Format></Meta><Data>0</Data></Item></Replace><Exec><Item><Target><LocURI>./Device/Vendor/MSFT/Reboot/RebootNow</LocURI></Target></Item></Exec>") });
  await page.click("text=Read it");
  await says("What was understood");
  await look("imported");

  await page.goto(`${base}/sets/default`);
  await look("set");
  await page.goto(`${base}/sets/default/preview`);
  await page.click("text=LAPTOP-ADA");
  await page.waitForURL(/device=/);
  await says("MinDevicePasswordLength");
  await look("preview");
  await page.click(".tabs >> text=Publish");
  await says("LAPTOP-ADA");
  await look("publish");
  check(!(await page.isVisible("#stages")), "a plan is asked for only where somebody wants stages");
  await page.check("input[name=how][value=stages]");
  await look("publish-in-stages");
  await page.fill("#minimum_devices", "0");
  await page.fill("#stop_at_failures", "200%");
  await page.fill("#message", "The first of ours");
  await page.click("text=Publish it");
  await page.waitForSelector("#minimum_devices-fault");
  await look("publish-refused");
  await page.check("input[name=how][value=all]");
  await page.click("text=Publish it");
  await page.waitForURL(/done=published/);
  await look("published");

  // The device takes it.
  for (let round = 0; ; round += 1) {
    check(round < 30, "the device has it");
    await told("check in");
    await page.goto(`${base}/devices/D1`);
    if ((await page.textContent("main")).includes("applied")) break;
    await page.waitForTimeout(500);
  }
  await says("MinDevicePasswordLength");
  await page.goto(`${base}/policies/baseline`);
  await look("policy-status");

  // A secret: a setting that needs it, foreseen before and after it has a value, which nobody sees.
  const secret = "Xylophon7.Quartz";
  await page.goto(`${base}/sets/default`);
  await add("asset", "office-word");
  await page.check("input[name=kind][value=secret]");
  await keep();
  await says("It has no value on this server yet");
  await look("asset-secret");
  await page.goto(`${base}/sets/default/declarations/baseline/setting?uri=./Device/Vendor/MSFT/Policy/Config/Update/UpdateServiceUrl`);
  await page.fill("#value", "https://updates.example/?key=${asset.office-word}");
  await page.click("text=I know better");
  await page.fill("#reason", "our own updates");
  await keep();
  await page.goto(`${base}/sets/default/preview?device=D1`);
  await says("Settings that need a secret");
  await says("has no value");
  await look("preview-secret-missing");
  await page.click("main a[href*='policy-secrets?name=office-word']");
  check((await page.inputValue("#name")) === "office-word", "the way to the secret says which one");
  await page.fill("#value", secret);
  await page.click("text=Set it");
  await says("office-word");
  await look("secrets");
  check(!(await page.content()).includes(secret), "nobody sees it again");
  await page.goto(`${base}/sets/default/preview?device=D1`);
  await says("key=[redacted]");
  check(!(await page.content()).includes(secret), "nor what is foreseen");
  await look("preview-secret");

  // In stages: to few, held, on, and its devices.
  await page.goto(`${base}/sets/default/publish`);
  await page.check("input[name=how][value=stages]");
  await page.fill("#stages", "os.build >= 22000\n50%");
  await page.fill("#minimum_devices", "1");
  await page.fill("#advance_after", "4h");
  await page.fill("#message", "Carefully");
  await page.click("text=Publish it");
  await page.waitForURL(/policy-stages\?done=published/);
  await look("stages");
  await page.click("text=Pause");
  await says("paused");
  await look("stages-paused");
  await page.click("text=Resume");
  await says("running");
  for (let round = 0; ; round += 1) {
    check(round < 30, "the device has the revision");
    await told("check in");
    await page.goto(`${base}/policy-stages`);
    if ((await page.textContent("main")).includes("1 said what became of it")) break;
    await page.waitForTimeout(500);
  }
  await page.click("text=Which devices");
  await says("LAPTOP-ADA");
  await look("stage-devices");
  await page.goto(`${base}/sets/default`);
  await add("asset", "later");
  await page.fill("#content", "x");
  await keep();
  await page.goto(`${base}/sets/default/publish`);
  await says("Publishing ends that");
  await look("publish-again");
  await page.goto(`${base}/policy-stages`);
  await page.click("text=Go on to the next stage");
  await says("running");
  await page.goto(`${base}/policies`);
  await look("policies");

  // With the keyboard alone: a change, published.
  await page.goto(`${base}/sets/default/declarations/baseline`);
  const tabTo = async (selector) => {
    for (let step = 0; step < 80; step += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    }
    throw new Error(`the keyboard does not come to ${selector}`);
  };
  await tabTo("td a[href*='MinDevicePasswordLength']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/setting\?/);
  await tabTo("#value");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("14");
  await page.keyboard.press("Enter");
  await page.waitForURL(/done=saved/);
  await tabTo(".tabs a[href$='/publish']");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/publish/);
  await tabTo("#message");
  await page.keyboard.type("Longer");
  await page.keyboard.press("Enter");
  await page.waitForURL(/done=published/);
  await page.click(".tabs >> text=History");
  await look("history");
  await page.click("tbody a:text-is('1')");
  await look("revision");

  // Without scripts.
  page = await open({ javaScriptEnabled: false, viewport: { width: 1366, height: 768 } });
  await signIn();
  await page.goto(`${base}/sets/default/declarations/baseline/setting?uri=./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength`);
  await page.fill("#value", "400");
  await page.click("button:has-text('Check')");
  await says("write a number from");
  await page.fill("#value", "16");
  await page.click("text=Keep it in the draft");
  await page.waitForURL(/done=saved/);
  await page.goto(`${base}/sets/default/publish`);
  await page.fill("#message", "Without scripts");
  await page.click("text=Publish it");
  await page.waitForURL(/done=published/);
  await page.goto(`${base}/sets/default/import`);
  await page.fill("#text", "no profile");
  await page.click("text=Read it");
  await says("Not done");
  await page.check("input[name=as][value=declarations]");
  await page.setInputFiles("#file", { name: "set.yaml", mimeType: "application/yaml", buffer: Buffer.from("type: asset\nidentifier: from-a-file\npayload:\n  text: hello\n") });
  await page.click("text=Read it");
  await page.waitForURL(/done=saved/);
  await says("from-a-file");
});
