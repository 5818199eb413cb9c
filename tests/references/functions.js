// The functions of an expression in Step Functions: those of jsonata 2.0.6 without $eval, and six of AWS's own.
// "Transforming data with JSONata in Step Functions", AWS Step Functions Developer Guide.
exports.functionNames = [
  'string', 'length', 'substring', 'substringBefore', 'substringAfter', 'uppercase', 'lowercase', 'trim', 'pad',
  'contains', 'split', 'join', 'match', 'replace', 'base64encode', 'base64decode', 'encodeUrlComponent', 'encodeUrl',
  'decodeUrlComponent', 'decodeUrl',
  'number', 'abs', 'floor', 'ceil', 'round', 'power', 'sqrt', 'random', 'formatNumber', 'formatBase', 'formatInteger',
  'parseInteger',
  'sum', 'max', 'min', 'average', 'boolean', 'not', 'exists', 'count', 'append', 'sort', 'reverse', 'shuffle',
  'distinct', 'zip',
  'keys', 'lookup', 'spread', 'merge', 'sift', 'each', 'error', 'assert', 'type', 'map', 'filter', 'single', 'reduce',
  'now', 'millis', 'toMillis', 'fromMillis', 'clone',
  'partition', 'range', 'hash', 'uuid', 'parse',
];
