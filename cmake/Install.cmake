# What is installed beside the programs, each where the FHS and systemd look for it: below /usr/local as below /usr.

# The unit as it is names the program of /usr. Replaced at the time of installing, since `cmake --install --prefix` may
# choose another place than the configuration did.
set(unit_of_prefix ${PROJECT_BINARY_DIR}/systemd/mailramp.service)
install(CODE "
    file(READ \"${PROJECT_SOURCE_DIR}/systemd/mailramp.service\" unit)
    string(REPLACE \"=/usr/sbin/\" \"=\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/\" unit \"\${unit}\")
    file(WRITE \"${unit_of_prefix}\" \"\${unit}\")")
install(FILES ${unit_of_prefix} systemd/mailramp.socket DESTINATION lib/systemd/system)
install(FILES systemd/mailramp.sysusers DESTINATION lib/sysusers.d RENAME mailramp.conf)

install(FILES README.md CHANGELOG.md LICENSE config/mailramp.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

# The daemon reads /etc/mailramp/mailramp.yaml whatever the prefix is. What somebody has edited there is kept.
install(CODE "
    if(EXISTS \"\$ENV{DESTDIR}/etc/mailramp/mailramp.yaml\")
        message(STATUS \"Kept: \$ENV{DESTDIR}/etc/mailramp/mailramp.yaml\")
    else()
        file(INSTALL \"${PROJECT_SOURCE_DIR}/config/mailramp.yaml\" DESTINATION /etc/mailramp)
    endif()")
