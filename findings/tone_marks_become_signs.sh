#!/usr/bin/env bash
# Vietnamese, as a Mac's file names or an NFD normaliser write it, through the "smart encoding" of Twilio's segment
# calculator. Needs node and npm.
#
# Believed: smart encoding replaces look-alikes, such as curly quotes, by signs of the GSM alphabet; a text that looks the
# same stays the same text, and one with Vietnamese letters stays UCS-2.
# So: it also replaces combining accents on their own: U+0302 by '^' and U+0303 by '~'. "mễ" in three code points becomes
# "me^~" in the GSM alphabet, and in a longer text some tone marks become signs and others stay. The same word in
# composed letters (NFC) is left alone, so that what a text looks like does not tell. Normalise to NFC before.
# Seen: sms-segments-calculator 1.3.0 (npm); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" sms-segments-calculator@1.3.0 >/dev/null
cat > show.js <<'JS'
const assert = require('assert');
const { SegmentedMessage } = require('sms-segments-calculator');

const seen = {};
for (const text of ['mễ', 'mã xác nhận']) {
  for (const form of ['NFC', 'NFD']) {
    const message = new SegmentedMessage(text.normalize(form), 'auto', true);
    seen[`${text} ${form}`] = `${message.encodingName} ${message.graphemes.join('')}`;
  }
}
console.log(seen);
assert.deepStrictEqual(seen, {
  'mễ NFC': 'UCS-2 mễ',
  'mễ NFD': 'GSM-7 me^~',
  'mã xác nhận NFC': 'UCS-2 mã xác nhận',
  'mã xác nhận NFD': `UCS-2 ma~ ${'xác'.normalize('NFD')} nh${'ạ'.normalize('NFD')}^n`,
});
JS
node show.js
