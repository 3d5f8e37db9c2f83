"""What an engine must know of a carrier's settings."""

from onema.channels.voice_sip.configuration import Settings, places, ports_of
from onema.channels.voice_sip.line import Trunk
from onema.channels.voice_sip.outcomes import answers_of, headers_of


def trunk_of(name: str, settings: Settings) -> Trunk:
    """Of settings without problems."""
    ports = ports_of(settings.rtp_ports)
    return Trunk(
        name=name,
        places=tuple(places(settings)),
        transport=settings.transport,
        domain=settings.domain,
        registrar=(settings.registrar or settings.domain) if settings.register else "",
        register_seconds=settings.register_seconds,
        auth_user=settings.auth_user,
        password=settings.password.reveal(),
        realm=settings.realm,
        bind_address=settings.bind_address,
        bind_port=settings.bind_port,
        public_address=settings.public_address,
        rtp_ports=(ports[0], ports[-1]) if ports else None,
        own_port=settings.own_port,
        codecs=settings.codecs,
        telephone_events=settings.telephone_events,
        srtp=settings.srtp,
        early_media=settings.early_media == "played",
        session_seconds=settings.session_seconds,
        options_seconds=settings.options_seconds,
        answer_seconds=settings.answer_seconds,
        ring_seconds=settings.ring_seconds,
        shown_headers=headers_of(answers_of(settings.statuses)),
        tls_ca_file=settings.tls_ca_file,
        tls_certificate_file=settings.tls_certificate_file,
        tls_key_file=settings.tls_key_file,
        tls_server_name=settings.tls_server_name,
    )
