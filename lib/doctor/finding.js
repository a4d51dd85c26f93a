// One thing that the doctor looked at.
'use strict';

/**
 * @typedef {'ok' | 'note' | 'warning' | 'problem'} Level a problem keeps sandboxes from working
 * @typedef {object} Finding
 * @property {string} about such as `engine`
 * @property {Level} level
 * @property {string} text
 * @property {string} [advice] what to do about it
 */

/** For each answer of the engine, ms: that it takes longer is a finding of its own. */
const PATIENCE = 5000;

/** @param {string} about @param {string} text @returns {Finding} */
const ok = (about, text) => ({ about, level: 'ok', text });
/** @param {string} about @param {string} text @param {string} [advice] @returns {Finding} */
const note = (about, text, advice) => ({ about, level: 'note', text, advice });
/** @param {string} about @param {string} text @param {string} [advice] @returns {Finding} */
const warning = (about, text, advice) => ({ about, level: 'warning', text, advice });
/** @param {string} about @param {string} text @param {string} [advice] @returns {Finding} */
const problem = (about, text, advice) => ({ about, level: 'problem', text, advice });

module.exports = { PATIENCE, note, ok, problem, warning };
