# An SMSC on Net::SMPP, for one client at a time. Run as `perl net_smpp.pl PORT`; README.md beside this folder has what
# it does and prints.
use strict;
use warnings;
use JSON::PP;
use Net::SMPP;

my $json = JSON::PP->new->canonical;
my $submits = 0;
$| = 1;

sub say_event { my ($event, %facts) = @_; print $json->encode({ event => $event, %facts }), "\n" }

my $server = Net::SMPP->new_listen('127.0.0.1', port => $ARGV[0], smpp_version => 0x34, timeout => 3600)
    or die "cannot listen: $!";
say_event('listening');

sub on_bind {
    my ($link, $pdu, $answer) = @_;
    my $refused = $pdu->{password} ne 'secret';
    say_event($refused ? 'bind refused' : 'bound', system_id => $pdu->{system_id}, command => $pdu->explain_cmd);
    $link->$answer(system_id => 'perl', seq => $pdu->{seq}, status => $refused ? 0x0e : 0);
    return !$refused;
}

sub send_receipt {
    my ($link, $pdu, $id) = @_;
    my $failed = $pdu->{destination_addr} =~ /2$/;
    my ($stat, $state, $err) = $failed ? ('UNDELIV', 5, '0A1') : ('DELIVRD', 2, '000');
    $link->deliver_sm(
        async => 1, esm_class => 0x04,
        source_addr_ton => 1, source_addr_npi => 1, source_addr => $pdu->{destination_addr},
        dest_addr_ton => $pdu->{source_addr_ton}, dest_addr_npi => $pdu->{source_addr_npi},
        destination_addr => $pdu->{source_addr},
        short_message => "id:$id sub:001 dlvrd:001 submit date:261128180000 done date:261128180100 stat:$stat err:$err text:",
        # It writes no NUL behind the id.
        receipted_message_id => $id, message_state => pack('C', $state));
}

sub on_submit {
    my ($link, $pdu) = @_;
    my ($digit) = $pdu->{destination_addr} =~ /(.)$/;
    if (my $refused = { 3 => 0x0b, 4 => 0x0412 }->{$digit}) {
        $link->submit_sm_resp(message_id => '', seq => $pdu->{seq}, status => $refused);
        return;
    }
    my $id = sprintf '%010d', ++$submits;
    my @sar = map { defined $_ ? unpack('N', substr("\0\0\0$_", -4)) : () }
        @$pdu{qw(sar_msg_ref_num sar_total_segments sar_segment_seqnum)};
    say_event('submitted', id => $id, octets => unpack('H*', $pdu->{message_payload} // $pdu->{short_message}),
        from => [@$pdu{qw(source_addr_ton source_addr_npi source_addr)}],
        to => [@$pdu{qw(dest_addr_ton dest_addr_npi destination_addr)}],
        (map { $_ => $pdu->{$_} } qw(esm_class data_coding registered_delivery validity_period)), sar => \@sar);
    $link->submit_sm_resp(message_id => $id, seq => $pdu->{seq});
    send_receipt($link, $pdu, $id) if $pdu->{registered_delivery} && $digit ne '5';
}

my %handlers = (
    0x00000001 => sub { on_bind(@_, 'bind_receiver_resp') },
    0x00000002 => sub { on_bind(@_, 'bind_transmitter_resp') },
    0x00000009 => sub { on_bind(@_, 'bind_transceiver_resp') and $_[0]->enquire_link(async => 1) },
    0x00000004 => sub { on_submit(@_); 1 },
    0x00000006 => sub { say_event('unbound'); $_[0]->unbind_resp(seq => $_[1]{seq}); 0 },
    0x00000015 => sub { $_[0]->enquire_link_resp(seq => $_[1]{seq}) },
    0x80000015 => sub { say_event('alive', status => $_[1]{status}); 1 },
    0x80000005 => sub { say_event('acknowledged', status => $_[1]{status}); 1 },
);

while (my $link = $server->accept) {
    $SIG{__WARN__} = sub { };  # it warns of a link that ends
    while (my $pdu = $link->read_pdu) {
        my $handler = $handlers{$pdu->{cmd}};
        last unless $handler ? $handler->($link, $pdu) : $link->generic_nack(seq => $pdu->{seq}, status => 0x03);
    }
    close $link;
}
