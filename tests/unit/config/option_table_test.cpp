#include "tinc/config/option_table.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tinc::config {
namespace {

TEST(OptionTableTest, FindsEveryVariableInAnyLetterCase) {
    for (const auto& known : option_table()) {
        std::string name(known.name);
        for (auto& c : name)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        EXPECT_EQ(find_option(name), &known) << name;
        EXPECT_EQ(find_option(known.name), &known);
    }
}

TEST(OptionTableTest, FindsNothingElse) {
    EXPECT_EQ(find_option(""), nullptr);
    EXPECT_EQ(find_option("Nam"), nullptr);
    EXPECT_EQ(find_option("Names"), nullptr);
    EXPECT_EQ(find_option("zzz"), nullptr);
}

TEST(OptionTableTest, EveryVariableIsExplained) {
    for (const auto& known : option_table()) {
        EXPECT_TRUE(known.help.ends_with('.')) << known.name;
        EXPECT_FALSE(known.kind.words.empty()) << known.name;
        EXPECT_LE(known.help.size(), 100U) << known.name;
    }
}

TEST(OptionTableTest, ABadChoiceAlwaysHasWords) {
    for (const auto& known : option_table()) {
        if (known.kind.form != Kind::Form::choice || !known.has_effect()) continue;
        EXPECT_FALSE(known.complaint.empty()) << known.name;
    }
}

TEST(NearestOptionTest, GuessesWhatWasMeant) {
    EXPECT_EQ(nearest_option("PingIntervall"), "PingInterval");
    EXPECT_EQ(nearest_option("conectto"), "ConnectTo");
    EXPECT_EQ(nearest_option("Prot"), "Port");
    EXPECT_EQ(nearest_option("Adress"), "Address");
    EXPECT_EQ(nearest_option("StrictSubnet"), "StrictSubnets");
}

TEST(NearestOptionTest, DoesNotGuessWildly) {
    EXPECT_EQ(nearest_option(""), std::nullopt);
    EXPECT_EQ(nearest_option("Wallpaper"), std::nullopt);
    EXPECT_EQ(nearest_option(std::string(8000, 'a')), std::nullopt);
}

}  // namespace
}  // namespace tinc::config
