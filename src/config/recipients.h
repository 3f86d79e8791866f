// config/recipients.h: the keys that say who gets mail for names of this machine.
#pragma once

#include "config/report.h"
#include "config/table.h"
#include "config/tables.h"
#include "mailramp/config/load.h"

namespace mailramp::config {

// aliases, aliases_file, local_domains, qualify_domain.
void add_recipient_keys(Table<File>& table);

// The names by which programs call this machine, unless the file gives them. A domain in which a mailbox has
// its address is none of them: people receive mail there.
void choose_local_domains(Settings& settings, const Surroundings& surroundings, const Report& report);

// Pure.
void check_recipients(const Settings& settings, Report& report);
// Reads the alias file. What is wrong with single lines is a warning.
void check_alias_file(const Settings& settings, Report& report);

}  // namespace mailramp::config
