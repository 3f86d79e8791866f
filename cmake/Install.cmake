# What is installed beside the programs, each where the FHS and systemd look for it: below /usr/local as below /usr.

# The unit as it is names the program of /usr. Replaced where it was installed, since `cmake --install --prefix` may choose
# another place than the configuration did, and root, who installs, should leave nothing in the build folder.
install(FILES systemd/mailramp.service systemd/mailramp.socket DESTINATION lib/systemd/system)
install(CODE "
    set(installed \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/mailramp.service\")
    file(READ \"\${installed}\" unit)
    string(REPLACE \"=/usr/sbin/\" \"=\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/\" unit \"\${unit}\")
    file(WRITE \"\${installed}\" \"\${unit}\")")
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
