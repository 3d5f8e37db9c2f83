/* An SMSC on libsmpp34, for one client at a time: the strictest reader of all, which refuses what other peers let
 * pass. Run as `libsmpp34_smsc PORT`; README.md beside this folder has what it does and prints. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libsmpp34/smpp34.h>
#include <libsmpp34/smpp34_structs.h>
#include <libsmpp34/smpp34_params.h>

#define LONGEST 4096

static int link_fd, submits;
static uint32_t next_sequence;

static int read_exactly(uint8_t *into, size_t wanted)
{
    while (wanted > 0) {
        ssize_t got = read(link_fd, into, wanted);
        if (got <= 0)
            return 0;
        into += got;
        wanted -= got;
    }
    return 1;
}

static void send_pdu(uint32_t command, void *pdu)
{
    uint8_t octets[LONGEST];
    int length = 0;
    if (smpp34_pack(command, octets, sizeof(octets), &length, pdu) != 0)
        printf("{\"event\":\"not packed\",\"why\":\"%s\"}\n", smpp34_strerror);
    else if (write(link_fd, octets, length) != length)
        printf("{\"event\":\"not written\"}\n");
}

/* Every response without a body of its own has the header alone. */
static void send_header(uint32_t command, uint32_t sequence)
{
    unbind_t pdu = { .command_id = command, .sequence_number = sequence };
    send_pdu(command, &pdu);
}

static void send_refusal(uint32_t command, uint32_t status, uint32_t sequence)
{
    uint32_t header[4] = { htonl(16), htonl(command), htonl(status), htonl(sequence) };
    if (write(link_fd, header, sizeof(header)) != sizeof(header))
        printf("{\"event\":\"not written\"}\n");
}

static void send_receipt(const submit_sm_t *submit, const char *id, int failed)
{
    deliver_sm_t receipt = { .command_id = DELIVER_SM, .sequence_number = ++next_sequence,
                             .source_addr_ton = TON_International, .source_addr_npi = NPI_ISDN_E163_E164,
                             .dest_addr_ton = submit->source_addr_ton, .dest_addr_npi = submit->source_addr_npi,
                             .esm_class = SMPP34_DELIVERY_RECEIPT };
    tlv_t named = { .tag = TLVID_receipted_message_id, .length = strlen(id) + 1 };
    tlv_t state = { .tag = TLVID_message_state, .length = 1 };

    strcpy((char *)receipt.source_addr, (const char *)submit->destination_addr);
    strcpy((char *)receipt.destination_addr, (const char *)submit->source_addr);
    receipt.sm_length = snprintf((char *)receipt.short_message, sizeof(receipt.short_message),
        "id:%s sub:001 dlvrd:%03d submit date:2611281800 done date:2611281801 stat:%s err:%s text:",
        id, !failed, failed ? "UNDELIV" : "DELIVRD", failed ? "0A1" : "000");
    strcpy((char *)named.value.octet, id);
    state.value.val08 = failed ? 5 : 2;
    build_tlv(&receipt.tlv, &named);
    build_tlv(&receipt.tlv, &state);
    send_pdu(DELIVER_SM, &receipt);
    destroy_tlv(receipt.tlv);
}

static void on_submit(const submit_sm_t *pdu)
{
    char digit = pdu->destination_addr[strlen((const char *)pdu->destination_addr) - 1];
    submit_sm_resp_t answer = { .command_id = SUBMIT_SM_RESP, .sequence_number = pdu->sequence_number };

    if (digit == '3') {
        send_refusal(SUBMIT_SM_RESP, ESME_RINVDSTADR, pdu->sequence_number);
        return;
    }
    snprintf((char *)answer.message_id, sizeof(answer.message_id), "%x-%d", getpid(), ++submits);
    printf("{\"event\":\"submitted\",\"id\":\"%s\",\"from\":[%d,%d,\"%s\"],\"to\":[%d,%d,\"%s\"],"
           "\"esm_class\":%d,\"data_coding\":%d,\"registered_delivery\":%d,\"validity_period\":\"%s\",\"octets\":\"",
           answer.message_id, pdu->source_addr_ton, pdu->source_addr_npi, pdu->source_addr, pdu->dest_addr_ton,
           pdu->dest_addr_npi, pdu->destination_addr, pdu->esm_class, pdu->data_coding, pdu->registered_delivery,
           pdu->validity_period);
    for (int i = 0; i < pdu->sm_length; i++)
        printf("%02x", pdu->short_message[i]);
    tlv_t *tlv;
    smpp34_tlv_for_each(tlv, pdu->tlv)
        if (tlv->tag == TLVID_message_payload)
            for (int i = 0; i < tlv->length; i++)
                printf("%02x", tlv->value.octet[i]);
    /* It hands TLVs on in the reverse order. */
    int reference = -1, total = 0, number = 0;
    smpp34_tlv_for_each(tlv, pdu->tlv)
        if (tlv->tag == TLVID_sar_msg_ref_num)
            reference = tlv->value.val16;
        else if (tlv->tag == TLVID_sar_total_segments)
            total = tlv->value.val08;
        else if (tlv->tag == TLVID_sar_segment_seqnum)
            number = tlv->value.val08;
    if (reference < 0)
        printf("\",\"sar\":[]}\n");
    else
        printf("\",\"sar\":[%d,%d,%d]}\n", reference, total, number);
    send_pdu(SUBMIT_SM_RESP, &answer);
    if (pdu->registered_delivery && digit != '5')
        send_receipt(pdu, (const char *)answer.message_id, digit == '2');
}

static int on_bind(const bind_transceiver_t *pdu)
{
    int refused = strcmp((const char *)pdu->password, "secret") != 0;
    bind_transceiver_resp_t answer = { .command_id = pdu->command_id | GENERIC_NACK,
                                       .sequence_number = pdu->sequence_number, .system_id = "c" };

    printf("{\"event\":\"%s\",\"system_id\":\"%s\"}\n", refused ? "bind refused" : "bound", pdu->system_id);
    if (refused) {
        send_refusal(answer.command_id, ESME_RINVPASWD, pdu->sequence_number);
        return 0;
    }
    send_pdu(answer.command_id, &answer);
    send_header(ENQUIRE_LINK, ++next_sequence);
    return 1;
}

/* The link goes on. */
static int on_pdu(uint32_t command, const void *pdu)
{
    const unbind_t *header = pdu;
    switch (command) {
    case BIND_TRANSMITTER:
    case BIND_RECEIVER:
    case BIND_TRANSCEIVER:
        return on_bind(pdu);
    case SUBMIT_SM:
        on_submit(pdu);
        return 1;
    case ENQUIRE_LINK:
        send_header(ENQUIRE_LINK_RESP, header->sequence_number);
        return 1;
    case ENQUIRE_LINK_RESP:
        printf("{\"event\":\"alive\",\"status\":%u}\n", header->command_status);
        return 1;
    case DELIVER_SM_RESP:
        printf("{\"event\":\"acknowledged\",\"status\":%u}\n", header->command_status);
        return 1;
    case UNBIND:
        printf("{\"event\":\"unbound\"}\n");
        send_header(UNBIND_RESP, header->sequence_number);
        return 0;
    default:
        send_refusal(GENERIC_NACK, ESME_RINVCMDID, header->sequence_number);
        return 1;
    }
}

static void serve(void)
{
    static union { unbind_t header; submit_sm_t submit; bind_transceiver_t bind; deliver_sm_resp_t resp; } pdu;
    uint8_t octets[LONGEST];

    for (int goes_on = 1; goes_on && read_exactly(octets, 16);) {
        uint32_t length = ntohl(*(uint32_t *)octets), command = ntohl(*(uint32_t *)(octets + 4));
        if (length < 16 || length > sizeof(octets) || !read_exactly(octets + 16, length - 16))
            return;
        memset(&pdu, 0, sizeof(pdu));
        if (smpp34_unpack(command, &pdu, octets, length) != 0) {
            printf("{\"event\":\"malformed\",\"command\":%u,\"why\":\"%s\"}\n", command, smpp34_strerror);
            return;
        }
        goes_on = on_pdu(command, &pdu);
        if (command == SUBMIT_SM)
            destroy_tlv(pdu.submit.tlv);
    }
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons(count > 1 ? atoi(arguments[1]) : 0) };
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 8) != 0)
        return 1;
    printf("{\"event\":\"listening\"}\n");
    while ((link_fd = accept(listener, NULL, NULL)) >= 0) {
        serve();
        close(link_fd);
    }
    return 0;
}
