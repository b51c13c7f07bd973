// SPDX-License-Identifier: Apache-2.0
//
// Makes page.html of src/ and of what package-lock.json names:
//
//   npm ci && node build.mjs            (or with --check: is it what is there?)
//
// The second line of the page has a hash of all sources, so that a test without
// node can tell whether it was built from those that are there.
import {createHash} from 'node:crypto';
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(here, name), 'utf8');

// What page.html is made from, each after its name.
function hashOfSources() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(here, 'src')).map((name) => `src/${name}`);
  for (const name of ['build.mjs', 'package.json', 'package-lock.json',
                      ...sources].sort()) {
    hash.update(`${name}\n${read(name)}`);
  }
  return hash.digest('hex');
}

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, entry)], bundle: true, minify: true, write: false,
    format: 'iife', target: 'es2021', charset: 'ascii', legalComments: 'none',
  });
  return result.outputFiles[0].text.trim();
}

// The licences of what is in the page, which they want to be in every copy.
function licences() {
  const names = ['@dagrejs/dagre', '@dagrejs/graphlib', 'd3-color',
                 'd3-dispatch', 'd3-drag', 'd3-ease', 'd3-interpolate',
                 'd3-selection', 'd3-timer', 'd3-transition', 'd3-zoom'];
  const users = new Map();  // of each text
  for (const name of names) {
    const {version} = JSON.parse(read(`node_modules/${name}/package.json`));
    const text = read(`node_modules/${name}/LICENSE`).trim();
    users.set(text, [...(users.get(text) || []), `${name} ${version}`]);
  }
  const parts = [...users].map(
      ([text, of]) => `${of.join(', ')}:\n\n${text}`);
  return parts.join('\n\n').replaceAll('--', '- -');
}

const script = await bundle('src/main.js');
if (/<\/script|<!--/i.test(script)) throw new Error('the script ends early');
const style = await bundle('src/style.css');
const page = read('src/index.html')
    .replace('<!DOCTYPE html>\n', () => '<!DOCTYPE html>\n' +
        `<!-- SPDX-License-Identifier: Apache-2.0; sources: ${hashOfSources()} ` +
        '-->\n')
    .replace('</html>\n', () => `</html>\n<!--\n${licences()}\n-->\n`)
    .replace('@STYLE@', () => style)
    .replace('@SCRIPT@', () => script);

if (process.argv.includes('--check')) {
  if (read('page.html') !== page) {
    console.error('page.html is not what the sources build: node build.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(join(here, 'page.html'), page);
  console.log(`page.html: ${Buffer.byteLength(page)} bytes`);
}
