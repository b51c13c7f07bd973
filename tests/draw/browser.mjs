// SPDX-License-Identifier: Apache-2.0
//
// See browser.sh, which runs it.  Each page is held against the JSON of the
// same machine and against `dmdax translate`.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

const [dmdax, root, chromium, pictures] = process.argv.slice(2);
const require = createRequire(join(root, 'tools/draw/page/package.json'));
const {chromium: driver} = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const temporary = mkdtempSync(join(tmpdir(), 'dmdax-draw-'));

function run(world, ...words) {
  return execFileSync(dmdax, ['--world', world, ...words], {
    encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'],
  });
}

// Rows of 1 and of 2 MiB in turn, with gaps, so that ranges alternate.
function manyRows(count) {
  const rows = [];
  let start = 0;
  let at = 0;
  for (let i = 0; i < count; ++i) {
    const length = i % 3 === 0 ? 2048 : 4096;
    rows.push(`target { start: ${start} length: ${length} ` +
              `linear { device: "/dev/pmem0" start: ${at} } }`);
    start += length;
    at += length + 4096 * (i % 2);
  }
  return `kernel: "v6_1"
pmem { name: "pmem0" base: 0x100000000 size: 0x40000000000 }
mapped_device { name: "many" table { ${rows.join('\n')} } }
mapped_device { name: "over" table {
  target { length: 8192 linear { device: "/dev/mapper/many" start: 4096 } } } }
`;
}

// A hundred terabytes, no chunk of which begins on a boundary of 2 MiB but
// each second.
const WIDE = `kernel: "v6_12"
pmem { name: "pmem0" base: 0x10000000000 size: 0x400000000000 }
pmem { name: "pmem1" base: 0x800000000000 size: 0x400000000000 }
mapped_device { name: "wide" table {
  target { length: 214748368896 striped { chunk: 6144
    stripe { device: "/dev/pmem0" start: 0 }
    stripe { device: "/dev/pmem1" start: 2048 } } } } }
`;

function temporaryWorld(name, text) {
  const path = join(temporary, `${name}.textproto`);
  writeFileSync(path, text);
  return path;
}

const here = join(root, 'tests/draw/worlds');
const WORLDS = {
  trivial: join(here, 'trivial.textproto'),
  lvm: join(root, 'examples/lvm_default.textproto'),
  faults: join(root, 'examples/faults.textproto'),
  nested: join(here, 'nested.textproto'),
  mixed: join(here, 'mixed.textproto'),
  wide: temporaryWorld('wide', WIDE),
  rows1000: temporaryWorld('rows1000', manyRows(1000)),
  rows100000: temporaryWorld('rows100000', manyRows(100000)),
};

async function open(browser, file, scheme) {
  const context = await browser.newContext({
    offline: true, colorScheme: scheme, viewport: {width: 1400, height: 1000},
  });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (m) => m.type() === 'error' && problems.push(m.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith('file:')) problems.push(request.url());
  });
  const start = Date.now();
  await page.goto(pathToFileURL(file).href);
  await page.waitForFunction('window.dmdax !== undefined');
  // Until it is painted.
  await page.evaluate(() => new Promise((done) => {
    requestAnimationFrame(() => setTimeout(done, 0));
  }));
  return {context, page, problems, took: Date.now() - start};
}

// Of a machine that has other things to do, the best of several counts.
async function openingTime(browser, file) {
  const {context, took} = await open(browser, file, 'light');
  await context.close();
  return took;
}

async function checkAxe(page, what) {
  // The page lets nothing in, so the checker comes through the debugger.
  await page.evaluate(axe);
  const found = await page.evaluate('axe.run()');
  const told = found.violations.map((v) => `${v.id}: ${v.help}\n` +
      v.nodes.map((n) => `  ${n.target} ${n.failureSummary}`).join('\n'));
  assert.deepEqual(told, [], `axe: ${what}`);
  assert.ok(found.passes.length > 10, 'axe has looked');
}

// The page has the levels and nodes of the JSON, and nothing else.
async function checkGraph(page, json) {
  const nodes = await page.locator('#stack .node').evaluateAll(
      (all) => all.map((node) => [Number(node.dataset.node),
                                  node.querySelector('title').textContent]));
  assert.deepEqual(nodes, json.nodes.map(
      (node, i) => [i, `${node.name}, ${node.text}, ${node.shares_text}`]));
  assert.equal(await page.locator('#stack .edge').count(), json.edges.length);
  // Each level is below the one before.
  const tops = await page.locator('#stack .node').evaluateAll(
      (all) => all.map((node) => node.getBoundingClientRect().top));
  for (const {from, to} of json.edges) assert.ok(tops[from] < tops[to]);
}

// What the page says of a byte is what dmdax translates it to.
async function checkPlaces(page, world, json) {
  let checked = 0;
  for (const [index, node] of json.nodes.entries()) {
    if (!node.dax || node.name.startsWith('/') || node.text.startsWith('device-')) {
      continue;
    }
    const pages = Math.floor(Number(node.size) / 4096);
    for (const part of [0, 0.1, 0.37, 0.5, 0.77, 0.999]) {
      const at = Math.floor(pages * part);
      let said;
      try {
        said = JSON.parse(run(world, '--json', 'translate', node.name,
                              String(at)));
      } catch {
        continue;  // a poisoned page, or one that a row's end cuts
      }
      const phys = await page.evaluate(([i, offset]) => {
        const {model} = window.dmdax;
        return model.chain(model.nodes[i], offset).at(-1).phys;
      }, [index, at * 4096]);
      const text = JSON.stringify(said);
      if (phys === undefined) {
        // Only of what was summarised, there or on the way down.
        assert.ok(json.nodes.some((below) => below.level >= node.level &&
                                  Number(below.all_rows) > below.rows.length),
                  `${node.name} ${at}`);
        continue;
      }
      assert.ok(text.includes(`0x${phys.toString(16)}`) ||
                text.includes(String(phys)), `${node.name} ${at}: ${text}`);
      ++checked;
    }
  }
  return checked;
}

// By keys alone: to the last level, down to one page and back.
async function checkKeys(page, json) {
  const lane = page.locator('.lane').first();
  await lane.focus();
  const view = () => page.evaluate(() => {
    const strip = [...window.dmdax.strips.values()].find(
        (s) => s.lane === document.activeElement);
    return {...strip.view, cursor: strip.cursor, size: strip.node.size};
  });
  const {size} = await view();
  await page.keyboard.press('End');
  assert.equal((await view()).cursor, Math.floor((size - 1) / 4096) * 4096);
  for (let i = 0; i < 50; ++i) await page.keyboard.press('+');
  const last = await view();
  assert.ok(Math.abs(last.bytes - 4096) < 1, `one page: ${last.bytes}`);
  assert.ok(last.cursor >= last.from - 1 && last.cursor < last.from + 4096);
  assert.match(await lane.getAttribute('aria-valuetext'), /^0x[0-9a-f]+: \S/);
  await page.keyboard.press('0');
  assert.ok(Math.abs((await view()).bytes - size) < 1);
  await page.keyboard.press('Home');
  const ranges = json.nodes.find((n) => n.subject).all_ranges;
  if (Number(ranges) > 1) {
    await page.keyboard.press('Shift+ArrowRight');
    const {cursor} = await view();
    assert.ok(cursor > 0);
    await page.keyboard.press('Shift+ArrowLeft');
    assert.ok((await view()).cursor < cursor);
  }
}

// Focus, and hovering, tell the reason and the cure.
async function checkPanel(page, json) {
  const subject = json.nodes.find((n) => n.subject);
  const text = await page.locator('#panel').innerText();
  assert.ok(text.includes(subject.name));
  for (const index of subject.obstacles) {
    const reason = json.reasons[index];
    assert.ok(text.includes(reason.text), reason.text);
    if (reason.cure < 0) continue;
    for (const command of json.cures[reason.cure].commands) {
      assert.ok(text.includes(command), command);
    }
  }
  const lane = page.locator('.lane').nth(1);
  if (await lane.count() === 0) return;
  await lane.scrollIntoViewIfNeeded();
  await lane.hover({position: {x: 30, y: 10}});
  const name = await page.locator('.strip h3').nth(1).innerText();
  assert.ok((await page.locator('#panel h2').innerText()).startsWith(name));
}

async function checkWorld(browser, name, world) {
  const file = join(temporary, `${name}.html`);
  run(world, 'draw', '--output', file);
  const json = JSON.parse(run(world, '--json', 'draw'));
  const {size} = statSync(file);
  const said = [`${size} bytes`];
  if (name === 'rows1000') assert.ok(size < 1e6, 'less than 1 MB');
  for (const scheme of ['light', 'dark']) {
    const {context, page, problems, took} = await open(browser, file, scheme);
    if (name === 'rows100000') {
      const best = Math.min(took, await openingTime(browser, file),
                            await openingTime(browser, file));
      assert.ok(best < 2000, `opened in ${best} ms`);
    }
    said.push(`${scheme} ${took} ms`);
    await checkGraph(page, json);
    await checkAxe(page, `${name} ${scheme}`);
    if (pictures) {
      await page.screenshot({path: join(pictures, `${name}-${scheme}.png`)});
    }
    if (scheme === 'light') {
      await checkPanel(page, json);
      const places = await checkPlaces(page, world, json);
      // Those of a summary alone are not told.
      assert.ok(places > 0, 'no place was compared');
      said.push(`${places} places`);
      await checkKeys(page, json);
      await page.locator('details summary').first().click();
      await page.locator('#theme').click();
      await checkAxe(page, `${name} table open, theme turned`);
    }
    assert.deepEqual(problems, []);
    await context.close();
  }
  console.log(`${name}: ${said.join(', ')}`);
}

const browser = await driver.launch({executablePath: chromium,
                                     args: ['--no-sandbox']});
let failed = 0;
for (const [name, world] of Object.entries(WORLDS)) {
  try {
    await checkWorld(browser, name, world);
  } catch (error) {
    ++failed;
    console.log(`FAILED ${name}: ${error.message}\n${error.stack}`);
  }
}
await browser.close();
rmSync(temporary, {recursive: true});
process.exit(failed === 0 ? 0 : 1);
