"""What tests assume one process, and why: `make test WORKERS=2` skips them."""

from __future__ import annotations

TURNS = "whose turn it is, each worker knows for itself"
POOLS = "each worker has its own connections to servers"
ANOTHER = "another port may be another worker's, who does not know the connection"
TOO_FEW = "a limit of one process is asked for"
CHILDREN = "it looks for the only process that the gateway has started"
SESSIONS = "they stay where one process has them all"

ONE_PROCESS = {
    "test_acme.OnDemand.test_the_first_request_for_a_name_works": "certificates on demand need one process",
    "test_balancing.Balancing.test_least_conn_counts_open_connections": TURNS,
    "test_balancing.Balancing.test_least_conn_leaves_a_busy_server_alone": TURNS,
    "test_balancing.Balancing.test_round_robin_is_smooth": TURNS,
    "test_balancing.Balancing.test_round_robin_steps_over_a_server_that_is_down": TURNS,
    "test_balancing_sticky.Sticky.test_a_tampered_one_is_ignored": TURNS,
    "test_balancing_sticky.Sticky.test_another_gateway_with_the_secret_knows_it": TURNS,
    "test_balancing_sticky.Sticky.test_without_the_cookie_in_turn": TURNS,
    "test_client_certs.ClientCertificates.test_nothing_is_resumed": "each worker resumes its own sessions",
    "test_health_active.Checks.test_not_before_it_was_checked": "checks begin before workers are ready",
    "test_health_passive.Ejections.test_a_success_in_between_starts_the_count_anew": TURNS,
    "test_health_passive.Ejections.test_longer_the_second_time": TURNS,
    "test_health_passive.Ejections.test_never_more_than_the_share_that_is_allowed": TURNS,
    "test_health_passive.Ejections.test_out_after_five_failures_for_the_base_time": TURNS,
    "test_http_backend_faults.Faults.test_failures_are_counted_against_the_server":
        "failures in a row, each worker counts for itself",
    "test_http2_upstream.Clear.test_it_is_spoken": POOLS,
    "test_http2_upstream.Encrypted.test_one_that_does_not": POOLS,
    "test_http2_upstream.Encrypted.test_one_that_speaks_it": POOLS,
    "test_http3.Curl.test_a_nat_that_forgets_in_the_middle": ANOTHER,
    "test_http_bulk.Chosen.test_only_what_can_and_is_worth_it": "it is workers who have the descriptors",
    "test_http_pool.Pooling.test_a_post_is_never_sent_twice": POOLS,
    "test_http_pool.Pooling.test_one_connection_serves_many_requests": POOLS,
    "test_http_upstream_tls.UpstreamTls.test_the_right_authority_and_name": POOLS,
    "test_lifecycle_start.InTheForeground.test_privileges_are_dropped_once_the_ports_are_open":
        "workers are started by the new user, who may have no right to this Python",
    "test_lifecycle_stop.Stops.test_the_limit": "it is workers who end connections, and say so",
    "test_middlewares_jwt.Tokens.test_a_key_set_that_is_rotated": "each worker looks at the file for itself",
    "test_quic_sni.Floods.test_memory_is_bounded": "each worker gets its share of the flood",
    "test_quic_sni.Http3.test_a_nat_that_forgets_in_mid_download": ANOTHER,
    "test_quic_sni.Streams.test_another_port": ANOTHER,
    "test_quic_sni.Streams.test_another_port_after_a_retry": ANOTHER,
    "test_quic_sni.Streams.test_ids_of_four_bytes": ANOTHER,
    "test_retries.Retries.test_a_server_that_asks_to_be_left_alone":
        "other workers hear of it a moment later",
    "test_retries.Retries.test_no_budget_no_retry": TURNS,
    "test_retries.Retries.test_the_answer_of_the_last_one": TURNS,
    "test_tcp_descriptors.Exhausted.test_it_pauses_and_goes_on": TOO_FEW,
    "test_tls_policy.Policies.test_sessions_are_resumed_by_ticket_alone": "by whom it was begun",
    "test_udp_sessions.Sessions.test_at_most": TOO_FEW,
    "test_udp_sessions.Sessions.test_descriptors_are_given_back": "it is workers who have the descriptors",
    "test_upgrade.NewProcesses.test_a_stop_meanwhile": CHILDREN,
    "test_upgrade.NewProcesses.test_one_that_hangs": CHILDREN,
    "test_upgrade.NewProcesses.test_the_old_one_serves_on": CHILDREN,
    "test_upgrade.OldProcesses.test_one_that_dies_before_the_new_one_is_ready": CHILDREN,
    "test_upgrade_datagrams.Datagrams.test_http3": SESSIONS,
    "test_upgrade_datagrams.Datagrams.test_udp_sessions_stay": SESSIONS,
}  # fmt: skip
"""By test, below `tests.loopback`."""
