# What a Debian package of tinc has, in the same places; DESTDIR is respected. The program itself is
# installed by src/tincd.
include(GNUInstallDirs)
option(TINC_INSTALL_SYSCONF "Install the init script, /etc/default/tinc and /etc/tinc/nets.boot" ON)

set(TINC_TINCD ${CMAKE_INSTALL_FULL_SBINDIR}/tincd)
configure_file(contrib/systemd/tinc@.service.in contrib/systemd/tinc@.service @ONLY)
configure_file(contrib/systemd/tinc.service contrib/systemd/tinc.service COPYONLY)
set(TINC_UNIT_DIR ${PROJECT_BINARY_DIR}/contrib/systemd)

install(FILES ${TINC_UNIT_DIR}/tinc.service ${TINC_UNIT_DIR}/tinc@.service
        DESTINATION lib/systemd/system)
install(FILES README.md CHANGELOG.md contrib/systemd/hardened.conf
        contrib/systemd/tinc@.socket TYPE DOC)

file(GLOB pages CONFIGURE_DEPENDS man/*.[1-8])
foreach(page IN LISTS pages)
    string(REGEX REPLACE ".*\\." "" section ${page})
    install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

if(TINC_INSTALL_SYSCONF)
    install(PROGRAMS contrib/init/tinc DESTINATION /etc/init.d)
    # What the administrator may have changed is never written over.
    foreach(pair "contrib/default/tinc:/etc/default" "contrib/nets.boot:/etc/tinc")
        string(REPLACE ":" ";" pair ${pair})
        list(GET pair 0 file)
        list(GET pair 1 folder)
        cmake_path(GET file FILENAME name)
        install(CODE "
            if(EXISTS \"\$ENV{DESTDIR}${folder}/${name}\")
                message(STATUS \"Kept: \$ENV{DESTDIR}${folder}/${name}\")
            else()
                file(INSTALL \"${PROJECT_SOURCE_DIR}/${file}\" DESTINATION \"${folder}\")
            endif()")
    endforeach()
endif()
