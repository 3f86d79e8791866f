// mailramp/base/events.h: the names of all log events, each with what it tells. docs/log-events.md lists the
// same names (a test compares them). A name, once released, keeps its meaning.
#pragma once

#include <string_view>

namespace mailramp::base::events {

// The daemon
inline constexpr std::string_view starting = "starting";          // version, configuration
inline constexpr std::string_view listening = "listening";        // an address is open for clients
inline constexpr std::string_view ready = "ready";                // queue open, configuration good
inline constexpr std::string_view start_failed = "start_failed";  // why the daemon ended before it was ready
inline constexpr std::string_view stopping = "stopping";          // a signal asked for the end
inline constexpr std::string_view stopped = "stopped";            // the last line of a run
inline constexpr std::string_view config_warning = "config_warning";  // works, but should be changed
inline constexpr std::string_view notify_failed = "notify_failed";    // the service manager was not told
inline constexpr std::string_view log_lines_lost = "log_lines_lost";  // standard error did not take them

// Clients
inline constexpr std::string_view client_refused = "client_refused";  // not in allow, or too many connections
inline constexpr std::string_view session_ended =
    "session_ended";  // a client left, timed out, or was cut off
inline constexpr std::string_view recipient_refused =
    "recipient_refused";                                            // answered 5xx to RCPT, with the remedy
inline constexpr std::string_view message_accepted = "accepted";    // durable and answered 250
inline constexpr std::string_view message_rejected = "rejected";    // answered 4xx or 5xx, with the reply
inline constexpr std::string_view logged_in = "logged_in";          // AUTH was taken; by whom
inline constexpr std::string_view login_refused = "login_refused";  // AUTH was not, and why
inline constexpr std::string_view tls_failed = "tls_failed";        // no handshake, and what to do
inline constexpr std::string_view certificate_loaded = "certificate_loaded";  // what TLS clients are shown
inline constexpr std::string_view certificate_failed = "certificate_failed";  // changed files cannot be used

// Aliases
inline constexpr std::string_view aliases_read =
    "aliases_read";  // at the start, and when the file has changed
inline constexpr std::string_view aliases_kept =
    "aliases_kept";  // the changed file is of no use; the old ones count
inline constexpr std::string_view aliases_remark =
    "aliases_remark";  // a line of it does not do what it should

// The queue
inline constexpr std::string_view queue_opened = "queue_opened";                // what was found on the disk
inline constexpr std::string_view queue_folder_closed = "queue_folder_closed";  // others could write to it
inline constexpr std::string_view queue_held = "queue_held";      // all of it, at the start, as was wanted
inline constexpr std::string_view queue_failed = "queue_failed";  // a commit or sync failed; accepting stops
inline constexpr std::string_view queue_recovered = "queue_recovered";  // the disk works again
inline constexpr std::string_view queue_stalled = "queue_stalled";      // the disk does not answer at all
inline constexpr std::string_view queue_answers = "queue_answers";      // it does again
inline constexpr std::string_view queue_full = "queue_full";            // a size limit or the disk is reached

// Tokens
inline constexpr std::string_view token_refreshed = "token_refreshed";
inline constexpr std::string_view token_failed = "token_failed";

// Delivery
inline constexpr std::string_view connected = "connected";            // TLS and AUTH done, ready to submit
inline constexpr std::string_view upstream_state = "upstream_state";  // how far a connection has come
inline constexpr std::string_view disconnected = "disconnected";
inline constexpr std::string_view message_delivered = "delivered";  // with the receipt of the server
inline constexpr std::string_view message_deferred = "deferred";    // tried, will be tried again at a time
inline constexpr std::string_view message_held = "held";  // waits for a human, with cause and remedy
inline constexpr std::string_view message_uncertain = "uncertain";  // may have been delivered; see the reason
inline constexpr std::string_view message_bounced = "bounced";      // failed for good, and somebody is told
inline constexpr std::string_view not_reported = "not_reported";    // held for good, and nobody is told
inline constexpr std::string_view report_waits = "report_waits";    // the queue does not take a report now
inline constexpr std::string_view sender_stopped =
    "sender_stopped";                                             // refused by the server; its mail is held
inline constexpr std::string_view sender_waits = "sender_waits";  // too many other senders were refused
inline constexpr std::string_view mailbox_paused = "mailbox_paused";  // with cause and remedy
inline constexpr std::string_view mailbox_resting =
    "mailbox_resting";  // transient trouble; goes on by itself
inline constexpr std::string_view mailbox_resumed = "mailbox_resumed";
inline constexpr std::string_view delivery_waits = "delivery_waits";  // for the queue, or for configuration
inline constexpr std::string_view outcome_unsaved =
    "outcome_unsaved";  // the queue cannot store an outcome now

// Alerts
inline constexpr std::string_view alert_raised = "alert_raised";      // a human should hear of this
inline constexpr std::string_view alert_resolved = "alert_resolved";  // what was raised is over
inline constexpr std::string_view alert_sent = "alert_sent";          // a target has taken one
inline constexpr std::string_view alert_failed = "alert_failed";      // a target takes none; mail goes on
inline constexpr std::string_view alert_limited = "alert_limited";    // too many in an hour; others wait

// Operators
inline constexpr std::string_view admin_request = "admin_request";  // who asked for what over the socket
inline constexpr std::string_view admin_failed = "admin_failed";    // the socket accepts nobody any more

}  // namespace mailramp::base::events
