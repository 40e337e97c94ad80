// A browser that does one order at a time: a line of JSON in, a line of JSON out.
const fs = require("fs");
const readline = require("readline");
const { chromium } = require("playwright-core");

const said = [];
const requests = [];
let browser = null;
let page = null;

const does = {
  /** Opens a page in a context of its own. */
  async open({ url, width = 1280, height = 900, scheme = "light" }) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (it) => { if (["error", "warning"].includes(it.type())) said.push(it.text()); });
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("dialog", (dialog) => { said.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => requests.push(request.url()));
    const answer = await page.goto(url);
    return answer.status();
  },
  click: ({ what }) => page.click(what),
  fill: ({ what, text }) => page.fill(what, text),
  press: ({ key }) => page.keyboard.press(key),
  run: ({ js }) => page.evaluate(js),
  /** Waits until an expression is true. Asked from here: the page's policy lets nothing in it evaluate a text. */
  async wait({ js, within }) {
    const deadline = Date.now() + within;
    // A page that is loaded anew in the middle of the question is asked again.
    const asked = () => page.evaluate(js).catch((error) => {
      if (/context was destroyed/.test(error)) return false;
      throw error;
    });
    while (!(await asked())) {
      if (Date.now() > deadline) throw new Error("it did not become true");
      await new Promise((done) => setTimeout(done, 100));
    }
  },
  async axe() {
    await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const found = await page.evaluate("axe.run()");
    return found.violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map((it) => it.html) }));
  },
  screenshot: ({ file }) => page.screenshot({ path: file }).then(() => null),
  said: () => ({ said, requests }),
};

(async () => {
  const [executablePath] = process.argv.slice(2);
  // The sandbox of Chromium does not start for root, nor in most containers; it shows only this project's own page.
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { order, ...about } = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await does[order](about)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await browser.close();
})();
