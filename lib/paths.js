// Paths of a sandbox as callers see them: a folder as it was given, and what is in it.
'use strict';

/** @param {string} folder @param {string} path below it; empty: the folder itself */
function join(folder, path) {
  if (path === '') return folder;
  // The workdir by its short name: what is in it needs no prefix.
  if (/^(\.\/+)*\.\/*$/.test(folder)) return path;
  return folder.endsWith('/') ? folder + path : `${folder}/${path}`;
}

module.exports = { join };
