#!/usr/bin/env node
// The command line of native solc, spoken over npm's `solc` (the compiler built to WebAssembly).
//
// It stands in where no native binary can be had: py-solc-x, Brownie and forge call it and
// notice no difference. It answers --version, --standard-json (standard input or a file) and
// the file mode of solc (--combined-json, --bin, --abi, ...). Exit status: 0 compiled,
// 1 compilation failed, 2 unknown option.
//
// PARI_SOLC_PACKAGE  folder of the npm package   (default: node_modules/solc of this checkout)
// PARI_SOLC_CACHE    folder for answers, '' = no cache (default: node_modules/.cache/pari-solc)
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');

const NODE_MODULES = path.resolve(__dirname, '..', '..', 'node_modules');
const PACKAGE = process.env.PARI_SOLC_PACKAGE || path.join(NODE_MODULES, 'solc');
const CACHE = process.env.PARI_SOLC_CACHE === undefined ? defaultCache() : process.env.PARI_SOLC_CACHE;
const CACHE_KEEPS = 24;

// ---------------------------------------------------------------- options

const FLAGS = {                     // option -> effect on the parsed options
  '--version': (o) => { o.mode = 'version'; },
  '--help': (o) => { o.mode = 'help'; },
  '-h': (o) => { o.mode = 'help'; },
  '--license': (o) => { o.mode = 'help'; },
  '--standard-json': (o) => { o.mode = 'standard'; },
  '--optimize': (o) => { o.optimize = true; },
  '--via-ir': (o) => { o.viaIR = true; },
  '--experimental-via-ir': (o) => { o.viaIR = true; },
  '--no-cbor-metadata': (o) => { o.noCbor = true; },
  '-': (o) => { o.stdin = true; },
};
const IGNORED = new Set(['--overwrite', '--color', '--no-color', '--no-import-callback', '--pretty-json', '--error-codes']);
const VALUES = {                    // option with a value -> effect
  '--combined-json': (o, v) => { o.combined = v.split(','); },
  '--optimize-runs': (o, v) => { o.runs = Number(v); o.optimize = true; },
  '--evm-version': (o, v) => { o.evmVersion = v; },
  '--allow-paths': () => {},        // the WebAssembly build reads through us alone
  '--base-path': (o, v) => { o.base = v; },
  '--include-path': (o, v) => { o.include.push(v); },
  '-I': (o, v) => { o.include.push(v); },
  '--output-dir': (o, v) => { o.outputDir = v; },
  '-o': (o, v) => { o.outputDir = v; },
  '--metadata-hash': (o, v) => { o.metadataHash = v; },
  '--revert-strings': (o, v) => { o.revertStrings = v; },
  '--libraries': () => {},
};

// name on solc's command line -> [standard-JSON output, value of one compiled contract]
const OUTPUTS = {
  abi: ['abi', (c) => c.abi],
  asm: ['evm.assembly', (c) => c.evm.assembly],
  bin: ['evm.bytecode', (c) => c.evm.bytecode.object],
  'bin-runtime': ['evm.deployedBytecode', (c) => c.evm.deployedBytecode.object],
  devdoc: ['devdoc', (c) => c.devdoc],
  'function-debug': ['evm.bytecode', (c) => c.evm.bytecode.functionDebugData || {}],
  'function-debug-runtime': ['evm.deployedBytecode', (c) => c.evm.deployedBytecode.functionDebugData || {}],
  'generated-sources': ['evm.bytecode', (c) => c.evm.bytecode.generatedSources || []],
  'generated-sources-runtime': ['evm.deployedBytecode', (c) => c.evm.deployedBytecode.generatedSources || []],
  hashes: ['evm.methodIdentifiers', (c) => c.evm.methodIdentifiers],
  ir: ['ir', (c) => c.ir],
  metadata: ['metadata', (c) => c.metadata],
  opcodes: ['evm.bytecode', (c) => c.evm.bytecode.opcodes],
  srcmap: ['evm.bytecode', (c) => c.evm.bytecode.sourceMap],
  'srcmap-runtime': ['evm.deployedBytecode', (c) => c.evm.deployedBytecode.sourceMap],
  'storage-layout': ['storageLayout', (c) => c.storageLayout],
  userdoc: ['userdoc', (c) => c.userdoc],
};
const AST = new Set(['ast', 'ast-compact-json', 'compact-format']);
const TITLES = { abi: 'Contract JSON ABI', bin: 'Binary:', 'bin-runtime': 'Binary of the runtime part:' };

function parse(argv) {
  const o = { mode: 'files', files: [], remappings: [], include: [], select: [] };
  for (let i = 0; i < argv.length; i++) {
    let name = argv[i];
    let inline;
    if (name.startsWith('--') && name.includes('=')) {
      inline = name.slice(name.indexOf('=') + 1);
      name = name.slice(0, name.indexOf('='));
    }
    if (FLAGS[name]) FLAGS[name](o);
    else if (VALUES[name]) VALUES[name](o, inline !== undefined ? inline : argv[++i]);
    else if (name.startsWith('--') && (OUTPUTS[name.slice(2)] || AST.has(name.slice(2)))) o.select.push(name.slice(2));
    else if (IGNORED.has(name)) continue;
    else if (name.startsWith('-')) fail(2, `unrecognised option '${name}'`);
    else if (name.includes('=')) o.remappings.push(name);
    else o.files.push(name);
  }
  return o;
}

// ---------------------------------------------------------------- the compiler

let loaded;
function compiler() {
  if (!loaded) {
    try { loaded = require(PACKAGE); } catch (e) { fail(1, `npm package solc not found in ${PACKAGE}: run make setup`); }
  }
  return loaded;
}

// Asked for before every compilation; kept in the cache so that it costs no loading of the compiler.
function version() {
  const manifest = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  const known = cached(`version-${manifest.version}`, () => compiler().version());
  return known.replace('Emscripten.clang', 'Linux.g++');
}

function reader(o) {
  const roots = [o.base || process.cwd(), ...o.include];
  return (name) => {
    const candidates = path.isAbsolute(name) ? [name] : roots.map((root) => path.join(root, name));
    const found = candidates.find((file) => fs.existsSync(file));
    return found ? { contents: fs.readFileSync(found, 'utf8') } : { error: `File not found: ${name}` };
  };
}

// The WebAssembly build prints the ids of built-in symbols as unsigned 32-bit numbers
// (msg: 4294967281), the native one as negative ones (-15), which is what tools look for.
function signedIds(text) {
  const signed = (n) => String(Number(n) - 2 ** 32);
  return text
    .replace(/("referencedDeclaration":)(42949[0-9]{5})\b/g, (_, key, n) => key + signed(n))
    .replace(/"overloadedDeclarations":\[[^\]]*\]/g, (list) => list.replace(/\b42949[0-9]{5}\b/g, signed));
}

function compile(input, read) {
  let imported = false;
  const callback = (name) => { imported = true; return read(name); };
  const text = JSON.stringify(input);
  const selfContained = Object.values(input.sources || {}).every((s) => s.content !== undefined);
  const key = crypto.createHash('sha256').update(`${version()}\0${text}`).digest('hex');
  const run = () => signedIds(compiler().compile(text, { import: callback }));
  // an answer that read files of its own is not a function of its input: never kept
  return selfContained ? cached(`${key}.json`, run, () => !imported) : run();
}

// ---------------------------------------------------------------- the modes

function standardJson(o) {
  const text = o.files.length ? fs.readFileSync(o.files[0], 'utf8') : readInput();
  const read = reader(o);
  let input;
  try { input = JSON.parse(text); } catch (e) { return compiler().compile(text) + '\n'; }
  for (const source of Object.values(input.sources || {})) {
    if (source.content !== undefined || !source.urls) continue;
    const found = source.urls.map((url) => read(url.replace(/^file:\/\//, ''))).find((r) => r.contents !== undefined);
    if (found) { source.content = found.contents; delete source.urls; }
  }
  return compile(input, read) + '\n';
}

function compileFiles(o) {
  const wanted = o.combined || (o.select.length ? o.select : ['abi']);
  const withAst = wanted.some((w) => AST.has(w));
  const settings = {
    optimizer: { enabled: Boolean(o.optimize), runs: o.runs === undefined ? 200 : o.runs },
    remappings: o.remappings,
    outputSelection: { '*': { '*': [...new Set(wanted.filter((w) => OUTPUTS[w]).map((w) => OUTPUTS[w][0]))], '': withAst ? ['ast'] : [] } },
  };
  if (o.evmVersion) settings.evmVersion = o.evmVersion;
  if (o.viaIR) settings.viaIR = true;
  if (o.revertStrings) settings.debug = { revertStrings: o.revertStrings };
  if (o.metadataHash || o.noCbor) {
    settings.metadata = { ...(o.metadataHash && { bytecodeHash: o.metadataHash }), ...(o.noCbor && { appendCBOR: false }) };
  }
  const output = JSON.parse(compile({ language: 'Solidity', sources: sourcesOf(o), settings }, reader(o)));
  const errors = output.errors || [];
  for (const e of errors) process.stderr.write(`${e.formattedMessage || e.message}\n`);
  if (errors.some((e) => e.severity === 'error')) process.exit(1);
  return o.combined ? combinedJson(output, wanted, withAst) : plainText(output, wanted, withAst, o.outputDir);
}

function sourcesOf(o) {
  const sources = {};
  if (o.stdin || !o.files.length) sources['<stdin>'] = { content: readInput() };
  for (const file of o.files) {
    const full = path.resolve(o.base || process.cwd(), file);
    if (!fs.existsSync(full)) fail(1, `"${file}" is not found.`);
    sources[file] = { content: fs.readFileSync(full, 'utf8') };
  }
  return sources;
}

function contractsOf(output) {
  return Object.entries(output.contracts || {}).flatMap(([file, inFile]) =>
    Object.entries(inFile).map(([name, contract]) => ({ file, name, contract })));
}

function combinedJson(output, wanted, withAst) {
  const result = { contracts: {}, version: version() };
  for (const { file, name, contract } of contractsOf(output)) {
    const entry = (result.contracts[`${file}:${name}`] = {});
    for (const w of wanted) if (OUTPUTS[w]) entry[w] = OUTPUTS[w][1](contract);
  }
  const bySource = Object.entries(output.sources || {}).sort((a, b) => a[1].id - b[1].id);
  if (withAst) result.sources = Object.fromEntries(bySource.map(([file, s]) => [file, { AST: s.ast, id: s.id }]));
  result.sourceList = bySource.map(([file]) => file);
  return JSON.stringify(result) + '\n';
}

function plainText(output, wanted, withAst, outputDir) {
  let text = '';
  for (const { file, name, contract } of contractsOf(output)) {
    text += `\n======= ${file}:${name} =======\n`;
    for (const w of wanted.filter((x) => OUTPUTS[x])) {
      const value = OUTPUTS[w][1](contract);
      const body = typeof value === 'string' ? value : JSON.stringify(value);
      if (outputDir) {
        fs.mkdirSync(outputDir, { recursive: true });
        fs.writeFileSync(path.join(outputDir, `${name}.${w}`), body);
      }
      text += `${TITLES[w] || w}\n${body}\n`;
    }
  }
  if (withAst) for (const [file, s] of Object.entries(output.sources)) text += `\n\n======= ${file} =======\n${JSON.stringify(s.ast)}\n`;
  return outputDir ? '' : text;
}

// ---------------------------------------------------------------- cache and streams

function defaultCache() {
  const beside = path.join(NODE_MODULES, '.cache');
  try {
    fs.mkdirSync(beside, { recursive: true });
    fs.accessSync(beside, fs.constants.W_OK);
    return path.join(beside, 'pari-solc');
  } catch (e) {
    return path.join(os.tmpdir(), `pari-solc-${os.userInfo().uid}`);
  }
}

function cached(name, make, keep = () => true) {
  if (!CACHE) return make();
  const file = path.join(CACHE, name);
  try { return fs.readFileSync(file, 'utf8'); } catch (e) { /* not there yet */ }
  const value = make();
  if (keep()) {
    try {
      fs.mkdirSync(CACHE, { recursive: true, mode: 0o700 });
      const half = `${file}.${process.pid}`;           // readers never see half a file
      fs.writeFileSync(half, value);
      fs.renameSync(half, file);
      prune();
    } catch (e) { /* a cache that cannot be written is no error */ }
  }
  return value;
}

function prune() {
  const answers = fs.readdirSync(CACHE).filter((n) => n.endsWith('.json')).map((n) => path.join(CACHE, n));
  const byAge = answers.sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
  for (const old of byAge.slice(CACHE_KEEPS)) fs.rmSync(old, { force: true });
}

// A caller may hand over a pipe that is not blocking: "try again" is then no end of input.
function readInput() {
  const chunks = [];
  const buffer = Buffer.alloc(1 << 16);
  for (;;) {
    let size;
    try { size = fs.readSync(0, buffer, 0, buffer.length); } catch (e) {
      if (e.code === 'EOF') break;
      if (e.code !== 'EAGAIN') throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      continue;
    }
    if (size === 0) break;
    chunks.push(Buffer.from(buffer.subarray(0, size)));
  }
  return Buffer.concat(chunks).toString('utf8');
}

// A pipe may be full (EAGAIN): go on until all is written, since exit() would cut the rest off.
function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try { at += fs.writeSync(1, bytes, at); } catch (e) { if (e.code !== 'EAGAIN') throw e; }
  }
}

function fail(status, sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(status);
}

const MODES = {
  version: () => `solc, the solidity compiler commandline interface\nVersion: ${version()}\n`,
  help: () => "solc, the solidity compiler commandline interface, over npm's solc\n",
  standard: standardJson,
  files: compileFiles,
};
const options = parse(process.argv.slice(2));
write(MODES[options.mode](options));
process.exit(0);
