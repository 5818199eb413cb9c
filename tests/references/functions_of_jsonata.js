// The functions that jsonata 2.0.6 registers itself, and those that functions.js allows.
const { readFileSync } = require('node:fs');
const { functionNames } = require('./functions.js');

const source = readFileSync(`${process.argv[2]}/jsonata/jsonata.js`, 'utf8');
const own = [...source.matchAll(/(?:staticFrame|environment)\.bind\('(\w+)', /g)].map((match) => match[1]);
console.log(JSON.stringify({ standard: [...new Set(own)], allowed: functionNames }));
