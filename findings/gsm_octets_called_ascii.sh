#!/usr/bin/env bash
# The text of a message between node-smpp and any other SMPP peer. Needs node and npm.
#
# Believed: data_coding 1 is "IA5 (CCITT T.50)/ASCII (ANSI X3.4)" (SMPP 3.4 section 5.2.19), and a library that is handed
# a string finds the coding for it.
# So: node-smpp writes octets of the GSM alphabet and calls them data_coding 1: '@' leaves as 00, '$' as 02, '_' as 11 and
# '{' as two octets. What comes in under 1 it reads as GSM as well, so that a peer's ASCII "code_1 @ shop for $5" becomes
# "code§1 ¡ shop for ¤5". Between two node-smpp all is well, which hides it from their tests. Digits and letters are the
# same in both alphabets. The id of a submit_sm_resp is ASCII all the same, so that an id with '_' comes back in the text
# of the receipt with another octet, and belongs to no message.
# Seen: smpp 0.5.1 (npm); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" smpp@0.5.1 >/dev/null
cat > show.js <<'JS'
const assert = require('assert');
const { PDU } = require('smpp');

const sent = PDU.fromBuffer(new PDU('submit_sm', { short_message: 'a@b_$' }).toBuffer());
const octets = new PDU('submit_sm', { short_message: 'a@b_$' }).toBuffer().subarray(-5).toString('hex');
console.log('sent a@b_$ as data_coding', sent.data_coding, 'octets', octets, '- in ASCII', Buffer.from('a@b_$').toString('hex'));

const ascii = Buffer.from('code_1 @ shop for $5', 'ascii');
const read = PDU.fromBuffer(new PDU('deliver_sm', { data_coding: 1, short_message: ascii }).toBuffer()).short_message.message;
console.log('read', ascii.toString(), 'of data_coding 1 as', read);

const id = 'sms_7';
const answered = new PDU('submit_sm_resp', { message_id: id }).toBuffer().includes(id, 0, 'ascii');
const receipt = new PDU('deliver_sm', { esm_class: 4, short_message: `id:${id} stat:DELIVRD` });
const found = receipt.toBuffer().includes(id, 0, 'ascii');
console.log('id', id, 'as such in the answer:', answered, '- in the receipt:', found, '- data_coding', receipt.data_coding);

assert.deepStrictEqual(
  [sent.data_coding, octets, read, answered, found, receipt.data_coding],
  [1, '6100621102', 'code§1 ¡ shop for ¤5', true, false, 1],
);
JS
node show.js
