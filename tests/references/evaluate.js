// Evaluations of a lab, made again by jsonata 2.0.6: stdin [{expression, bindings, millis}, …], stdout their outcomes.
const { readFileSync } = require('node:fs');
const { createHash, randomUUID } = require('node:crypto');
const { createRequire } = require('node:module');
const jsonata = createRequire(`${process.argv[2]}/.`)('jsonata');

// "JSONata functions provided by Step Functions", AWS Step Functions Developer Guide.
const own = {
  partition: (array, size) => {
    if (array === undefined) return undefined;
    const by = Math.floor(size);
    if (by <= 0) throw { code: 'partition' };
    return Array.from({ length: Math.ceil(array.length / by) }, (_, at) => array.slice(at * by, at * by + by));
  },
  range: (first, last, step) => {
    const [from, to, by] = [first, last, step].map(Math.floor);
    if (by === 0) throw { code: 'range' };
    const out = [];
    for (let at = from; by > 0 ? at <= to : at >= to; at += by) out.push(at);
    return out;
  },
  hash: (data, algorithm) => {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    return createHash(algorithm.toLowerCase().replace('-', '')).update(text).digest('hex');
  },
  uuid: () => randomUUID(),
  eval: () => {
    throw { code: 'eval' }; // Step Functions has no $eval
  },
  parse: (text) => (text === undefined ? undefined : JSON.parse(text)),
};

async function outcome({ expression, bindings, millis }) {
  try {
    const parsed = jsonata(expression);
    for (const [name, implementation] of Object.entries(own)) parsed.registerFunction(name, implementation);
    if (millis !== null) {
      const at = await jsonata(`function($p, $z) { $fromMillis(${millis}, $p, $z) }`).evaluate(null);
      parsed.registerFunction('millis', () => millis);
      parsed.registerFunction('now', (picture, zone) => at.apply(null, [picture, zone]));
    }
    const value = await parsed.evaluate(undefined, bindings);
    return value === undefined ? { undefined: true } : { value: JSON.parse(JSON.stringify(value)) };
  } catch (error) {
    return { error: String(error.code ?? error.name) };
  }
}

async function main() {
  const out = [];
  for (const each of JSON.parse(readFileSync(0, 'utf8'))) out.push(await outcome(each));
  console.log(JSON.stringify(out));
}

main();
