// An SMSC on node-smpp, which answers submits and binds only as far as its user writes the handlers. Run as
// `node node_smpp.js PORT [KEY CERTIFICATE]`; README.md beside this folder has what it does and prints.
'use strict';
const fs = require('fs');
const smpp = require('smpp');

const [port, key, certificate] = process.argv.slice(2);
const options = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) } : {};
const RECEIPT = 0x04;
const INVALID_DESTINATION = 0x0b;
const VENDORS_OWN = 0x0412;
let submits = 0;

const tell = (event, facts = {}) => process.stdout.write(JSON.stringify({ event, ...facts }) + '\n');

function receiptOf(pdu, id) {
  const failed = pdu.destination_addr.endsWith('2');
  const [stat, state, err] = failed ? ['UNDELIV', 5, '0A1'] : ['DELIVRD', 2, '000'];
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611281800 done date:2611281801 stat:${stat} err:${err} text:`;
  const addresses = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: RECEIPT };
  // A string would leave in the GSM alphabet under data_coding 1, and an id with '_' would not be the same any more.
  const content = Buffer.from(text, 'ascii');
  return pdu.destination_addr.endsWith('6')
    ? ['data_sm', { ...addresses, message_payload: content }]
    : ['deliver_sm', { ...addresses, short_message: content, receipted_message_id: id, message_state: state }];
}

function onSubmit(session, pdu) {
  const digit = pdu.destination_addr.slice(-1);
  const refused = { 3: INVALID_DESTINATION, 4: VENDORS_OWN }[digit];
  if (refused) return session.send(pdu.response({ command_status: refused }));
  const id = `node_${(++submits).toString(16)}`;
  const content = pdu.message_payload || pdu.short_message;
  tell('submitted', {
    id,
    text: content.message,
    udh: (content.udh || []).map((element) => element.toString('hex')),
    from: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr],
    to: [pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr],
    esm_class: pdu.esm_class,
    data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery,
    sar: pdu.sar_total_segments ? [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum] : [],
  });
  session.send(pdu.response({ message_id: id }));
  if (!pdu.registered_delivery || digit === '5') return undefined;
  const [command, fields] = receiptOf(pdu, id);
  return session[command](fields, (answer) => tell('acknowledged', { status: answer.command_status }));
}

const server = smpp.createServer(options, (session) => {
  for (const command of ['bind_transmitter', 'bind_receiver', 'bind_transceiver']) {
    session.on(command, (pdu) => {
      const refused = pdu.password !== 'secret';
      tell(refused ? 'bind refused' : 'bound', { system_id: pdu.system_id, command });
      if (refused) return session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }), () => session.close());
      session.send(pdu.response({ system_id: 'node' }));
      return session.enquire_link({}, (answer) => tell('alive', { status: answer.command_status }));
    });
  }
  session.on('submit_sm', (pdu) => onSubmit(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    tell('unbound');
    session.send(pdu.response(), () => session.close());
  });
  session.on('data_sm', (pdu) => session.send(pdu.response()));
  session.on('unknown', (pdu) =>
    session.generic_nack({ command_status: smpp.ESME_RINVCMDID, sequence_number: pdu.sequence_number }));
  session.on('error', (error) => tell('error', { message: error.message }));
});
server.listen(Number(port), '127.0.0.1', () => tell('listening'));
