// What jsonata 2.0.6 and AWS's language service say of state machines: stdin {name: definition}, stdout [problem, …].
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const load = createRequire(`${process.argv[2]}/.`);
const jsonata = load('jsonata');
const { getLanguageService, TextDocument } = load('amazon-states-language-service');
const { functionNames } = require('./functions.js');

const ALLOWED = new Set(functionNames);

function* expressions(value, path) {
  if (typeof value === 'string' && value.startsWith('{%')) yield [path, value.slice(2, -2)];
  else if (value && typeof value === 'object')
    for (const [key, inner] of Object.entries(value)) yield* expressions(inner, `${path}/${key}`);
}

// Names that an expression gives itself, by `:=` or as a parameter.
function own(node, names = new Set()) {
  if (!node || typeof node !== 'object') return names;
  if (node.type === 'bind' && node.lhs) names.add(node.lhs.value);
  if (node.type === 'lambda') for (const each of node.arguments) names.add(each.value);
  for (const inner of Object.values(node)) own(inner, names);
  return names;
}

// A path has a context only behind its first step; Step Functions gives none to an expression as a whole.
function* wrong(node, names, context) {
  if (Array.isArray(node)) {
    for (const each of node) yield* wrong(each, names, context);
    return;
  }
  if (!node || typeof node !== 'object') return;
  if (node.type === 'path') {
    for (const [at, step] of node.steps.entries()) yield* wrong(step, names, context || at > 0);
    yield* wrong(node.group, names, true);
    return;
  }
  if (node.type === 'function' || node.type === 'partial') {
    const name = node.procedure.type === 'variable' ? node.procedure.value : undefined;
    if (name !== undefined && !ALLOWED.has(name) && !names.has(name)) yield `$${name} is no function of Step Functions`;
  }
  if (node.type === 'variable' && node.value === 'eval') yield '$eval is no function of Step Functions';
  if (!context && node.type === 'name') yield `${node.value} has no context: Step Functions knows $states and variables`;
  if (!context && node.type === 'variable' && ['', '$'].includes(node.value))
    yield `$${node.value} has no context: Step Functions knows $states and variables`;
  for (const [key, inner] of Object.entries(node)) {
    if (node.type === 'lambda' && key === 'arguments') continue;
    const inside = ['predicate', 'stages', 'group', 'terms'].includes(key);
    yield* wrong(inner, names, context || inside);
  }
}

function* parsed(name, machine) {
  for (const [path, text] of expressions(machine, '')) {
    let tree;
    try {
      tree = jsonata(text).ast();
    } catch (error) {
      yield `${name}${path}: ${error.code}: ${error.message}`;
      continue;
    }
    for (const problem of new Set(wrong(tree, own(tree), false))) yield `${name}${path}: ${problem}`;
  }
}

async function* diagnosed(name, machine) {
  const service = getLanguageService({});
  const document = TextDocument.create(`file:///${name}.asl.json`, 'json', 1, JSON.stringify(machine, null, 1));
  for (const each of await service.doValidation(document, service.parseJSONDocument(document)))
    yield `${name}, line ${each.range.start.line + 1}: ${each.message}`;
}

async function main() {
  const problems = [];
  let count = 0;
  for (const [name, machine] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
    count += [...expressions(machine, '')].length;
    problems.push(...parsed(name, machine));
    for await (const problem of diagnosed(name, machine)) problems.push(problem);
  }
  console.log(JSON.stringify({ expressions: count, problems }));
}

main();
