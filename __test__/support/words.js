'use strict';

// Words that a shell, a careless quoting or a careless parser would take for something else.

/** Where the hostile ones would leave a trace if anything in them were executed. */
const TRACE = '/tmp/csdk-executed';

const WORDS = [
  'two words',
  '  spaces around  ',
  "it's",
  '"double"',
  `mixed '"' quotes`,
  "'",
  "''",
  `$(touch ${TRACE})`,
  `\`touch ${TRACE}\``,
  `; touch ${TRACE} #`,
  `' ; touch ${TRACE} ; '`,
  `" ; touch ${TRACE} ; "`,
  `| touch ${TRACE}`,
  `&& touch ${TRACE}`,
  `\n touch ${TRACE}\n`,
  'line one\nline two',
  'ends with a newline\n',
  '\n',
  'carriage\rreturn',
  'tab\tinside',
  '-n',
  '-rf',
  '--help',
  '--',
  '-',
  '$HOME',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not JavaScript's
  '${PATH}',
  '*',
  '?',
  '[a-z]*',
  '~',
  '{a,b}',
  '!history',
  '#comment',
  '>out',
  '<in',
  '\\',
  '\\n',
  'back\\slash\\',
  '%s%d%%',
  '..hidden',
  'ünïcödé 日本語 🎉',
  'é', // combining
  'x'.repeat(255),
  `${'ü'.repeat(127)}x`,
];

/** Those that can be the name of a file. */
const NAMES = WORDS.filter((word) => !word.includes('/')).concat(
  `$(touch csdk-executed)`,
  '`touch csdk-executed`',
);

/** A few of them, for where each costs time. */
const HARD_NAMES = [
  ' two  spaces ',
  `it's "quoted"`,
  '$(touch csdk-executed)',
  '`touch csdk-executed`',
  '; touch csdk-executed #',
  'line one\nline two\n',
  '-rf',
  '*',
  'back\\slash\\n',
  '..hidden',
  '日本語 🎉',
  `${'ü'.repeat(127)}x`,
];

module.exports = { HARD_NAMES, NAMES, TRACE, WORDS };
